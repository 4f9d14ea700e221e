#!/usr/bin/env python3
"""What programs are compiled and linked against: the library's symbols, and the headers' functions, types and constants.

    dump_abi.py LIBRARY INCLUDE_DIR [--cc CC] [--check FILE]

Prints it as text; with --check, the differences to FILE instead, and ends with 1 if there are any. The headers are seen by a
C compiler, at the default settings, and read back from its debug information.
"""

import argparse
import difflib
import re
import subprocess
import sys
import tempfile
from pathlib import Path

POINTER_TO = "pointer_to_"  # begins the names of variables by which the debug information has the functions' types
SETTINGS = {"ESHM_MAX_DATA_SIZE": 4096, "ESHM_HEARTBEAT_INTERVAL_MS": 1}
SETTINGS["ESHM_CHANNEL_SIZE_APPROX"] = 72 + SETTINGS["ESHM_MAX_DATA_SIZE"]
SETTINGS["ESHM_TOTAL_SIZE_APPROX"] = 64 + 2 * SETTINGS["ESHM_CHANNEL_SIZE_APPROX"]


def output(*command):
    return subprocess.run(list(map(str, command)), stdout=subprocess.PIPE, text=True, check=True).stdout


def symbols(library):
    """Names that others can link to, with what they are."""
    found = []
    for line in output("readelf", "--dyn-syms", "--wide", library).splitlines():
        fields = line.split()
        if len(fields) == 8 and fields[4] in ("GLOBAL", "WEAK", "UNIQUE") and fields[5] == "DEFAULT" and fields[6] != "UND":
            found.append((fields[7], fields[3]))
    return sorted(found)


def dynamic(library):
    """The soname, and what else the loader is told that programs rely on."""
    lines = output("readelf", "--dynamic", "--wide", library).splitlines()
    soname = next(re.search(r"\[(.*)\]", line)[1] for line in lines if "(SONAME)" in line)
    return [f"soname {soname}"] + [f"flag {flag}" for line in lines if "(FLAGS_1)" in line for flag in line.split() if flag == "NODELETE"]


class Entry:
    """One entry of the debug information."""

    def __init__(self, tag):
        self.tag, self.attributes, self.children = tag, {}, []

    def name(self):
        return self.attributes.get("name")

    def number(self, attribute):
        text = self.attributes.get(attribute, "0").split()[0]
        return int(text, 16 if text.startswith("0x") else 10)


def debug_information(object_file):
    """Its entries, by their place."""
    entries, parents = {}, []
    entry = None
    for line in output("readelf", "--debug-dump=info", "--wide", object_file).splitlines():
        begins = re.match(r"\s*<([0-9a-f]+)><([0-9a-f]+)>: Abbrev Number: \d+ \(DW_TAG_(\w+)\)", line)
        has = re.match(r"\s*<[0-9a-f]+>\s+DW_AT_(\w+)\s*:\s*(.*?)\s*$", line)
        if begins:
            depth, place = int(begins[1], 16), int(begins[2], 16)
            entry = entries[place] = Entry(begins[3])
            if depth:
                parents[depth - 1].children.append(entry)
            parents[depth:] = [entry]
        elif has and entry:
            # Without its form, which other releases of readelf write otherwise: "(strp) (offset: 0x1f): " or "(data1) ".
            entry.attributes[has[1]] = re.sub(r"^(\([^)]*\)\s*:?\s*)+", "", has[2])
    return entries


class Types:
    """The types among the entries, in words."""

    def __init__(self, entries):
        self.entries = entries
        self.named = {}  # an entry without a name, by the name that a typedef gives it
        for entry in entries.values():
            if entry.tag == "typedef" and self.of(entry) is not None:
                self.named.setdefault(id(self.of(entry)), entry.name())

    def of(self, entry):
        place = entry.attributes.get("type")
        return None if place is None else self.entries[int(re.match(r"<0x([0-9a-f]+)>", place)[1], 16)]

    def called(self, entry):
        return entry.name() or self.named.get(id(entry), "(unnamed)")

    def words(self, entry):
        """As C would have it, near enough."""
        if entry is None:
            return "void"
        inner = self.of(entry)
        if entry.tag == "pointer_type":
            if inner is not None and inner.tag == "subroutine_type":
                return f"{self.words(self.of(inner))} (*)({self.parameters(inner)})"
            return f"{self.words(inner)}*"
        if entry.tag in ("const_type", "volatile_type"):
            word, words = entry.tag[:-5], self.words(inner)
            if inner is not None and inner.tag == "pointer_type":
                return f"{words} {word}"
            # gcc says it of an array and of its elements.
            return words if words.startswith(word) else f"{word} {words}"
        if entry.tag == "array_type":
            return self.words(inner) + "".join(f"[{self.length(each)}]" for each in entry.children)
        kind = {"structure_type": "struct ", "enumeration_type": "enum ", "union_type": "union "}.get(entry.tag, "")
        return kind + self.called(entry)

    @staticmethod
    def length(subrange):
        return subrange.number("count") or subrange.number("upper_bound") + 1

    def parameters(self, function):
        kinds = [self.words(self.of(each)) for each in function.children if each.tag == "formal_parameter"]
        return ", ".join(kinds) or "void"

    def size(self, entry):
        if "byte_size" in entry.attributes:
            return entry.number("byte_size")
        if entry.tag == "pointer_type":
            return 8
        inner = self.size(self.of(entry))
        for each in entry.children if entry.tag == "array_type" else ():
            inner *= self.length(each)
        return inner


def describe(entries):
    """Functions, types whose contents are known, and enumerations, each as sorted blocks of lines."""
    types = Types(entries)
    functions, structs, enums, typedefs = {}, {}, {}, {}
    for entry in entries.values():
        name = types.called(entry)
        ours = name.lower().startswith(("eshm", "dh_"))
        if entry.tag == "variable" and name.startswith(POINTER_TO):
            function, name = types.of(types.of(entry)), name[len(POINTER_TO):]
            functions[name] = [f"{types.words(types.of(function))} {name}({types.parameters(function)})"]
        elif entry.tag in ("structure_type", "union_type") and "byte_size" in entry.attributes and ours:
            lines = [f"{types.words(entry)}, {types.size(entry)} bytes"]
            for each in entry.children:
                if each.tag == "member":
                    kind = types.of(each)
                    lines.append(f"    {each.number('data_member_location')}: {types.words(kind)} {each.name()}, {types.size(kind)}")
            structs[name] = lines
        elif entry.tag == "enumeration_type" and ours:
            lines = [f"{types.words(entry)}, {types.size(entry)} bytes"]
            lines += [f"    {each.name()} = {each.number('const_value')}" for each in entry.children if each.tag == "enumerator"]
            enums[name] = lines
        elif entry.tag == "typedef" and ours:
            typedefs[name] = [f"{name} = {types.words(types.of(entry))}"]
    return [[line for name in sorted(part) for line in part[name]] for part in (functions, structs, enums, typedefs)]


def constants(cc, include, source):
    """Our macros but the include guards, as they are written."""
    found = []
    for line in output(cc, "-std=c11", "-dM", "-E", "-I", include, "-I", source.parent, source).splitlines():
        match = re.match(r"#define (ESHM_\w+(?:\([^)]*\))?) (.+)$", line)
        if match:
            found.append(f"{match[1]} {match[2]}")
    return sorted(found)


def dump(library, include, cc):
    headers = sorted(path for path in include.glob("*.h") if 'extern "C"' in path.read_text())
    names = symbols(library)
    with tempfile.TemporaryDirectory() as work:
        config = (include / "eshm_config.h.in").read_text()
        for name, value in SETTINGS.items():
            config = config.replace(f"@{name}@", str(value))
        Path(work, "eshm_config.h").write_text(config)
        source = Path(work, "abi.c")
        pointers = "".join(f"__typeof__({name})* {POINTER_TO}{name} = {name};\n" for name, kind in names if kind == "FUNC")
        includes = "".join(f'#include "{header.name}"\n' for header in headers)
        source.write_text(includes + pointers)
        object_file = Path(work, "abi.o")
        output(cc, "-std=gnu11", "-gdwarf-4", "-fno-eliminate-unused-debug-types", "-c", "-I", include, "-I", work, source, "-o", object_file)
        functions, structs, enums, typedefs = describe(debug_information(object_file))
        parts = {
            "Library": dynamic(library) + [f"{name} {kind}" for name, kind in names],
            "Functions": functions,
            "Structs": structs,
            "Enumerations": enums,
            "Names of types": typedefs,
            "Constants": constants(cc, include, source),
        }
    for title, lines in parts.items():
        if not lines:
            sys.exit(f"dump_abi.py: nothing found for: {title}")
    return "\n\n".join("\n".join([f"# {title}", *lines]) for title, lines in parts.items()) + "\n"


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("library", type=Path)
    parser.add_argument("include", type=Path)
    parser.add_argument("--cc", default="cc")
    parser.add_argument("--check", type=Path)
    options = parser.parse_args()
    text = dump(options.library, options.include, options.cc)
    if options.check is None:
        print(text, end="")
        return 0
    golden = options.check.read_text()
    lines = list(difflib.unified_diff(golden.splitlines(), text.splitlines(), options.check.name, "this build", lineterm="", n=2))
    if not lines:
        return 0
    print("\n".join(lines))
    broken = any(line.startswith("-") and not line.startswith("---") for line in lines)
    print(f"The ABI is another than in {options.check}.")
    print("Programs that were built before may break: lines have gone." if broken else "It has only grown: `make abi` records that.")
    return 1


if __name__ == "__main__":
    sys.exit(main())
