"""What a function may return beside plain values: a reply with a head of its own, a content, a redirect."""

from runtime.answers.answer import Answer
from runtime.answers.content import Content, Csv, File, Html, Pdf, Png, Text, Xlsx
from runtime.answers.cookies import SetCookie
from runtime.answers.redirect import Redirect
from runtime.answers.reply import Reply

__all__ = [
    "Answer",
    "Content",
    "Csv",
    "File",
    "Html",
    "Pdf",
    "Png",
    "Redirect",
    "Reply",
    "SetCookie",
    "Text",
    "Xlsx",
]
