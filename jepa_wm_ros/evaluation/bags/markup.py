"""Pieces of HTML: tables, pictures, and a style that needs nothing from outside."""

from __future__ import annotations

import base64
from html import escape
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterable

STYLE = """
body { font: 15px/1.5 sans-serif; color: #1f2933; max-width: 1150px; margin: 2em auto;
  padding: 0 1em; }
h2 { border-top: 2px solid #e4e7eb; padding-top: .6em; margin-top: 1.6em; }
table { border-collapse: collapse; font-size: 13px; margin: .6em 0; } img { max-width: 100%; }
td, th { border-bottom: 1px solid #e4e7eb; padding: 3px 9px; text-align: right;
  vertical-align: top; }
td:first-child, th:first-child, td:nth-child(2), th:nth-child(2) { text-align: left; }
td.text, th.text { text-align: left; }
.verdict { text-align: left; min-width: 13em; }
td small { color: #52606d; white-space: nowrap; }
code { font-size: 13px; background: #f5f7fa; padding: 0 4px; overflow-wrap: anywhere; }
.wide { overflow-x: auto; }
.bad { color: #d55e00; font-weight: bold; } .good { color: #009e73; font-weight: bold; }
.strip { display: flex; gap: 6px; align-items: flex-end; margin: 2px 0; }
.strip b { width: 9.5em; font-size: 12px; font-weight: normal; align-self: center; }
figure { margin: 0; } figure img { width: 200px; image-rendering: pixelated; }
figcaption { font-size: 12px; color: #52606d; }
"""


def table(head: Iterable[str], rows: Iterable[Iterable[str]]) -> str:
    """Return a table of cells that are HTML already; it scrolls where the page is too narrow."""
    top = ''.join(f'<th>{title}</th>' for title in head)
    lines = (''.join(f'<td>{cell}</td>' for cell in row) for row in rows)
    body = ''.join(f'<tr>{line}</tr>' for line in lines)
    return f'<div class="wide"><table><tr>{top}</tr>{body}</table></div>'


def image(data: bytes, what: str, kind: str = 'png') -> str:
    """Return a picture that is part of the page, and what it shows for those who cannot see it."""
    code = base64.b64encode(data).decode()
    return f'<img alt="{escape(what)}" src="data:image/{kind};base64,{code}">'


def strip(title: str, pictures: Iterable[bytes], captions: Iterable[str]) -> str:
    """Return a row of JPEG pictures with their captions."""
    figures = ''.join(
        f'<figure>{image(data, caption, "jpeg")}'
        f'<figcaption>{escape(caption)}</figcaption></figure>'
        for data, caption in zip(pictures, captions, strict=True)
    )
    return f'<div class="strip"><b>{escape(title)}</b>{figures}</div>'


def anchor(*words: object) -> str:
    """Return a name for a place on the page."""
    text = '-'.join(str(word) for word in words)
    return ''.join(letter if letter.isalnum() else '-' for letter in text)
