# SPDX-License-Identifier: GPL-2.0
"""
Prints the tables, enumerated lists and sections of an RST file as JSON, as docutils understands them.

What docutils calls an error ends this with one line that names the file, the line and the table.
"""

import json
import re
import sys

try:
    import docutils.core
    import docutils.readers.standalone
    from docutils import nodes
    from docutils.parsers.rst import Directive, directives, roles
except ImportError:
    sys.exit("docutils is missing for " + sys.executable + ": install the package python3-docutils")

ERROR = 3


def plain(role, rawtext, text, lineno, inliner, options=None, content=None):
    """Any role of the kernel's or Sphinx's is its text, without the mark that says not to link it."""
    return [nodes.literal(rawtext, text.lstrip("!~"))], []


class AnyOption(dict):
    """Whatever options a skipped directive has."""

    def __getitem__(self, key):
        return str


class Skipped(Directive):
    """A directive of the kernel's or Sphinx's that makes no table."""

    has_content = True
    optional_arguments = 1
    final_argument_whitespace = True
    option_spec = AnyOption()

    def run(self):
        return []


def register():
    own = roles.role

    def role(name, language, lineno, reporter):
        foreign = ":" in name or name in ("ref", "doc", "term", "manpage")
        return (plain, []) if foreign else own(name, language, lineno, reporter)

    roles.role = role
    foreign = "code-block deprecated highlight index kernel-doc kernel-figure kernel-include kernel-render only seealso"
    for name in (foreign + " toctree versionadded").split():
        directives.register_directive(name, Skipped)


def squeezed(node):
    """The text of a node, paragraph after paragraph, in one line."""
    paragraphs = [] if isinstance(node, nodes.paragraph) else list(node.findall(nodes.paragraph))
    texts = [p.astext() for p in paragraphs] or [node.astext()]
    return " ".join(" ".join(texts).split())


def section_path(node):
    path = []
    while node is not None:
        if isinstance(node, nodes.section):
            path.insert(0, squeezed(node.next_node(nodes.title)))
        node = node.parent
    return path


def line_of(node):
    while node is not None:
        if node.line:
            return node.line
        inner = [n.line for n in node.findall() if n.line] if not isinstance(node, nodes.document) else []
        if inner:
            return min(inner)
        node = node.parent
    return 0


def rows(part):
    return [[squeezed(entry) for entry in row.findall(nodes.entry)] for row in part.findall(nodes.row)] if part else []


def table(node):
    title = next((squeezed(t) for t in node.children if isinstance(t, nodes.title)), "")
    head = next(iter(node.findall(nodes.thead)), None)
    header = rows(head)
    spans = [e for e in node.findall(nodes.entry) if "morecols" in e or "morerows" in e]
    return {
        "title": title,
        "section": section_path(node),
        "line": line_of(node),
        "header": header[0] if len(header) == 1 else [],
        "rows": rows(next(iter(node.findall(nodes.tbody)), None)),
        "spans": [squeezed(e) for e in spans],
    }


def enumeration(node):
    items = []
    for item in node.children:
        strong = next(iter(item.findall(nodes.strong)), None)
        items.append({"name": squeezed(strong) if strong is not None else "", "text": squeezed(item), "line": line_of(item)})
    return {"section": section_path(node), "items": items}


def section(node):
    texts = [squeezed(child) for child in node.children if not isinstance(child, (nodes.section, nodes.table))]
    return {"path": section_path(node), "line": line_of(node), "text": " ".join(texts)}


def table_at(lines, number):
    """The table directive that a line of the source is in, and the row that the line is part of."""
    row = None
    for index in range(min(number, len(lines)) - 1, -1, -1):
        line = lines[index].expandtabs()
        found = re.match(r"(\s*)\.\. (?:list-)?table::\s*(.*)", line)
        if found:
            before = next((l.strip() for l in reversed(lines[:index]) if l.strip()), "")
            title = found.group(2).strip() or "after '" + before + "'"
            return f' in table "{title}"' + (f', row "{row}"' if row else "")
        if line.strip() and not line.startswith(" "):
            break
        is_row = line.strip() and not line.startswith(" " * 4) and not re.fullmatch(r"[ =+|-]+", line)
        if row is None and is_row:
            row = " ".join(re.sub(r":[a-z:]+:`!?([^`]*)`", r"\1", line).split()[:3])
    return ""


def main(path):
    register()
    with open(path, encoding="utf-8") as file:
        source = file.read()
    lines = source.splitlines()
    messages = []

    def observe(message):
        if message["level"] >= ERROR:
            messages.append(message)

    class Reader(docutils.readers.standalone.Reader):
        def new_document(self):
            document = super().new_document()
            document.reporter.attach_observer(observe)
            return document

    settings = {
        "report_level": 5,
        "halt_level": 6,
        "file_insertion_enabled": False,
        "raw_enabled": False,
        "doctitle_xform": False,
        "input_encoding": "unicode",
    }
    document = docutils.core.publish_doctree(source, source_path=path, reader=Reader(), settings_overrides=settings)
    if messages:
        message = messages[0]
        line = message.get("line", 0)
        text = " ".join(message.next_node(nodes.paragraph).astext().split()) if message.children else "wrong"
        sys.exit(f"{path}:{line}:{table_at(lines, line)} {text}")
    # Docutils writes messages below the level of an error into the text.
    for remark in list(document.findall(nodes.system_message)):
        remark.parent.remove(remark)
    print(json.dumps({
        "tables": [table(node) for node in document.findall(nodes.table)],
        "lists": [enumeration(node) for node in document.findall(nodes.enumerated_list)],
        "sections": [section(node) for node in document.findall(nodes.section)],
    }))


if __name__ == "__main__":
    main(sys.argv[1])
