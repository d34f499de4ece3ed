"""Planning in latent space: objectives, solvers, the receding-horizon policy (torch, no ROS)."""
