#!/usr/bin/env python3
"""Makes Doxygen's comments of the plain ones in a header: what Doxyfile has as its INPUT_FILTER.

Usage: doxygen_filter.py HEADER, which is written to the standard output.

    // before a declaration    becomes    ///
    member;  // and behind it             ///<, and so do the lines that go on below it
    // at the top of a file               ///, after \\file

A block that an empty line follows is about no declaration: it stays as it is.
"""
import re
import sys

# A string or character literal, or a comment up to the end of the line.
TOKEN = re.compile(r'"(?:\\.|[^"\\])*"|\'(?:\\.|[^\'\\])*\'|(//.*)')


def comment_of(line):
    """The column of the line's comment, or None."""
    return next((match.start(1) for match in TOKEN.finditer(line) if match.group(1)), None)


def escaped(text):
    """The text of a comment, in which only `code` means something to Doxygen."""
    parts = re.split(r"(`[^`]*`)", text)
    return "".join(part if i % 2 else re.sub(r'[\\@<>#&%$"]', r"\\\g<0>", part) for i, part in enumerate(parts))


def filtered(lines):
    written = []
    behind = None  # the column of the comment behind code that the last line has, or goes on with
    for i, line in enumerate(lines):
        column = comment_of(line)
        code = "" if column is None else line[:column]
        if column is None or code.lstrip().startswith(("}", "#")):
            behind = None
            written.append(line)
            continue
        text = escaped(line[column + 2:])
        if code.strip() or column == behind:
            behind = column
            written.append(f"{code}///<{text}")
            continue
        behind = None
        if i == 0:
            written.append("/// \\file")
        in_head = all(earlier.startswith("//") for earlier in lines[:i])
        next_line = next((other for other in lines[i:] if not other.lstrip().startswith("//")), "")
        written.append(f"{code}///{text}" if in_head or next_line.strip() else line)
    return written


if __name__ == "__main__":
    with open(sys.argv[1], encoding="utf-8") as header:
        print("\n".join(filtered(header.read().splitlines())))
