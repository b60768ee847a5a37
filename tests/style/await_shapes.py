"""Finds the coroutine shapes that GCC 12 miscompiles, in C++ text, without a compiler.

Allowed, and nothing else: `co_await f(...)` as a whole statement (also cast to void), as the initialiser of a named
variable, as the right side of an assignment, as the operand of co_return; the operand made by calls alone.
"""

import re

TOKEN = re.compile(r"""
    (?P<skip> //[^\n]* | /\*.*?\*/ | ^[ \t]*\#[ \t]*(?:include|if|el|endif)[^\n]* )
  | (?P<string> (?:u8|u|U|L)?R"(?P<mark>[^ ()\\\t\n]*)\(.*?\)(?P=mark)" | "(?:\\.|[^"\\\n])*" | '(?:\\.|[^'\\\n])*' )
  | (?P<word> [A-Za-z_]\w* )
  | (?P<number> \.?\d(?:['.\w]|(?<=[eEpP])[+-])* )
  | (?P<mark2> \#\#? | ->\*? | \+\+ | -- | && | \|\| | <=> | [<>=!]= | [-+*/%&|^]= | :: | \.\.\. | \S )
""", re.VERBOSE | re.DOTALL | re.MULTILINE)

CLOSER = {"(": ")", "[": "]", "{": "}"}
CONDITIONS = {"if", "while", "for", "switch"}
MACROS = {"NAL_CO_TRY", "NAL_CO_TRY_SET"}
BINARY = {"&&", "||", "?", "==", "!=", "<=", ">=", "<=>", "+", "-", "/", "%", "|", "^"}


class Source:
    """Tokens of one file, their lines, and for each bracket the index of its partner."""

    def __init__(self, text):
        self.words, self.lines, self.partner = [], [], {}
        line, place = 1, 0
        # Lines joined by a backslash are one; a macro's body is read like any code.
        text = re.sub(r"\\\n", " \n", text)
        for found in TOKEN.finditer(text):
            line += text.count("\n", place, found.start())
            place = found.start()
            if found["skip"] is None:
                self.words.append('""' if found["string"] else found[0])
                self.lines.append(line)
        stack = []
        for index, word in enumerate(self.words):
            if word in CLOSER:
                stack.append(index)
            elif word in CLOSER.values():
                # A macro may leave one open; what closes another kind closes that too.
                while stack and CLOSER[self.words[stack[-1]]] != word:
                    stack.pop()
                if stack:
                    opener = stack.pop()
                    self.partner[opener], self.partner[index] = index, opener

    def word(self, index):
        return self.words[index] if 0 <= index < len(self.words) else ""

    def opens_block(self, index):
        """Whether the `{` at index begins statements and not a braced initialiser."""
        before = self.word(index - 1)
        if before in (")", "{", "}", ";", "else", "do", "try", "const", "noexcept", "override", "final", "mutable", ":", ""):
            # `f({1}, {2})` has no block, but there the brace before closes an initialiser.
            return not (before == "}" and not self.opens_block(self.partner.get(index - 1, index - 1)))
        # A lambda's or a function's return type: `-> Task<Result<>> {`.
        back = index - 1
        while back > 0 and (re.match(r"\w", self.word(back)) or self.word(back) in ("::", "<", ">", "*", "&", ",")):
            if self.word(back) in ("class", "struct", "union", "enum", "namespace"):
                return True
            back -= 1
        if self.word(back) == "->" and self.word(back - 1) in (")", "noexcept", "mutable"):
            return True
        return self.word(back) == "]" and self.is_lambda(self.partner.get(back, -1))

    def is_lambda(self, index):
        """Whether the `[` at index introduces a lambda."""
        if self.word(index) != "[" or self.word(index + 1) == "[" or self.word(index - 1) == "[":
            return False
        before = self.word(index - 1)
        if before in (")", "]", '""') or (re.match(r"\w", before) and before not in ("return", "co_return", "co_await")):
            return False
        return self.word(self.partner.get(index, -1) + 1) in ("(", "{", "<", "mutable", "noexcept", "->")

    def lambda_body(self, index):
        """The index of the `{` of the lambda whose `[` is at index; None if it has none that can be found."""
        at = self.partner[index] + 1
        while at < len(self.words) and self.words[at] not in ("{", ";"):
            at = self.partner.get(at, at) + 1 if self.words[at] in ("(", "[") else at + 1
        return at if self.word(at) == "{" else None


def statement_start(source, index):
    """Where the statement or bracket that holds the token at index begins, and the opener it ran into, if any."""
    at = index - 1
    while at >= 0:
        word = source.words[at]
        if word == ";" or word in ("else", "do"):
            return at + 1, None
        if word in CLOSER:
            return at + 1, at
        if word == ":" and ({"case", "default"} & set(source.words[max(0, at - 6):at])):
            return at + 1, None
        if word in CLOSER.values() and at in source.partner:
            opener = source.partner[at]
            if word == "}" and source.opens_block(opener):
                return at + 1, None
            if word == ")" and source.word(opener - 1) in CONDITIONS | {"constexpr"}:
                return at + 1, None
            at = opener
        at -= 1
    return 0, None


def operand_faults(source, index, end_words):
    """What is wrong in an awaited operand that begins at index."""
    depth, at = 0, index
    while at < len(source.words):
        word = source.words[at]
        if depth == 0 and word in end_words:
            return
        if source.is_lambda(at):
            if source.partner[at] != at + 1:
                yield at, "a capturing lambda inside an awaited expression"
            body = source.lambda_body(at)
            if body is not None:
                at = source.partner.get(body, body) + 1
                continue
        if word == "{":
            yield at, "a braced initialiser inside an awaited expression"
            at = source.partner.get(at, at) + 1
            continue
        if word == "co_await":
            yield at, "two co_await in one statement"
        if depth == 0 and word in BINARY and at > index:
            yield at, f"co_await as an operand of '{word}'"
        depth += (word in "([") - (word in ")]") if word in ("(", "[", ")", "]") else 0
        at += 1


def await_faults(source, index):
    start, opener = statement_start(source, index)
    before = source.words[start:index]
    if opener is not None and source.words[opener] == "(":
        keyword = source.word(opener - 1)
        if keyword == "constexpr":
            keyword = source.word(opener - 2)
        if keyword.startswith("NAL_DETAIL_TRY"):
            return  # what MACROS are made of: each puts it into a statement of its own
        if keyword in CONDITIONS:
            yield index, f"co_await in the head of '{keyword}'"
            return
        cast = source.words[max(0, opener - 4):opener] == ["static_cast", "<", "void", ">"]
        if not (cast and not before and statement_start(source, opener - 4) == (opener - 4, None)
                or cast and not before and source.word(opener - 5) in ("{", "}", ";")):
            yield index, "co_await inside another expression"
            return
    elif opener is not None and (source.words[opener] == "[" or not source.opens_block(opener)):
        yield index, "co_await in a braced initialiser" if source.words[opener] == "{" else "co_await in brackets"
        return
    elif before == ["(", "void", ")"]:
        pass
    elif before and before != ["co_return"] and before[-1] != "=":
        yield index, "co_await inside another expression"
        return
    elif "co_await" in before:
        yield index, "two co_await in one statement"
        return
    yield from operand_faults(source, index + 1, (";", ")"))


def coroutine_lambda_faults(source, index):
    """A capturing lambda whose own body awaits or co_returns."""
    if source.partner.get(index) in (None, index + 1):
        return
    body = source.lambda_body(index)
    at = (body or len(source.words)) + 1
    while at < source.partner.get(body, 0):
        if source.is_lambda(at) and source.lambda_body(at) is not None:
            at = source.partner.get(source.lambda_body(at), at)
        elif source.words[at] in ("struct", "class"):
            # The members of a local class are functions of their own.
            while source.word(at) not in ("{", ";", "(", ">", ""):
                at += 1
            at = source.partner.get(at, at) if source.word(at) == "{" else at
        elif source.words[at] in ("co_await", "co_return", "co_yield"):
            yield index, "a coroutine that is a capturing lambda"
            return
        at += 1


def faults(text):
    """(line, what is wrong) for each forbidden shape in the text of a C++ file."""
    source = Source(text)
    for index, word in enumerate(source.words):
        found = ()
        if word == "co_await" and source.word(index - 1) != "operator":
            found = await_faults(source, index)
        elif word in MACROS and source.word(index + 1) == "(" and source.word(index - 1) != "define":
            found = operand_faults(source, index + 2, (")",))
        elif word == "[" and source.is_lambda(index):
            found = coroutine_lambda_faults(source, index)
        elif word == "optional" and "<Task<" in "".join(source.words[index + 1:index + 6]).replace("nal::", ""):
            found = [(index, "an optional Task: Task is nullable by itself")]
        for at, what in found:
            yield source.lines[at], what
