"""Drivers of real arms, grippers and cameras, emulated: plain classes that move the cell."""
