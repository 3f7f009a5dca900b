"""Two answers to one request: what of them is compared, and where they differ."""

import json
import re

# What another run, worker or version has otherwise, wherever it stands.
MASKED = {"worker_id", "trace", "version", "commit", "kafka_cluster_id", "last_modified", "documentation", "display_name",
          "lsn", "lsn_proc", "lsn_commit", "txId", "ts_usec"}


def found(body, path):
    """The member of an answer that a path such as `tasks.0.state` means; None when there is none."""
    for part in path.split(".") if path != "." else []:
        part = part.replace("\\_", ".")
        if isinstance(body, list):
            body = body[int(part)] if part.isdigit() and int(part) < len(body) else None
        elif isinstance(body, dict):
            body = body.get(part)
        else:
            return None
    return body


def settled(answer, until):
    for path, wanted in until:
        value = answer.status if path == "status" and wanted.isdigit() else found(answer.body, path)
        if wanted == "(some)":
            if not value:
                return False
        elif (value if isinstance(value, str) else json.dumps(value)) != wanted:
            return False
    return True


def mask(value, words, apart, name=None):
    """An answer without what every run has otherwise, and without the properties that only this side's sink has."""
    if name in MASKED and value is not None:
        return "<%s>" % name
    if isinstance(value, dict):
        kept = {key: member for key, member in value.items() if key not in apart or "connector.class" not in value}
        return {key: mask(member, words, apart, key) for key, member in kept.items()}
    if isinstance(value, list):
        return [mask(member, words, apart) for member in value]
    if isinstance(value, str):
        for text, word in words:
            value = value.replace(text, word)
        return re.sub(r"available connectors are: .*", "available connectors are: <connectors>", value, flags=re.DOTALL)
    return value


def part(step, body):
    """What of an answer is compared."""
    if step.only == "errors":
        wrong = [entry["value"] for entry in body.get("configs", []) if entry["value"]["errors"]]
        return {"name": body.get("name"), "error_count": body.get("error_count"),
                "wrong": {value["name"]: {"value": value["value"], "errors": value["errors"]} for value in wrong}}
    if step.only == "keys":
        first = body[0] if isinstance(body, list) and body else body
        return {"members": list(first) if isinstance(first, dict) else first}
    if step.only == "groups":
        return body["groups"]
    if step.only == "options":
        kept = ("type", "required", "default_value")
        return {one["name"]: {key: one[key] for key in kept} for one in body}
    if step.only == "definitions":
        entries = body["configs"] if isinstance(body, dict) else [{"definition": one, "value": {}} for one in body]
        return {entry["definition"]["name"]: definition(entry) for entry in entries}
    if step.only == "names":
        definitions = [entry.get("definition", entry) for entry in (body["configs"] if isinstance(body, dict) else body)]
        return {entry["name"]: True for entry in definitions}
    if step.only == "loggers":
        return {"root": sorted(body.get("root", {})), "each": sorted({member for entry in body.values() for member in entry})}
    if step.only == "classes":
        return sorted(entry["class"] + " " + entry["type"] for entry in body)
    return body


def definition(entry):
    """One of a validation, without its words and its place among others; what is recommended comes in the order of a Java set."""
    gone = {"name", "order_in_group", "errors"}
    said = {key: value for key, value in {**entry["definition"], **entry["value"]}.items() if key not in gone}
    return {key: sorted(set(value)) if isinstance(value, list) else value for key, value in said.items()}


def seen(step, answer, side):
    """An answer as it is recorded and compared."""
    body = part(step, answer.body) if answer.status < 400 else answer.body
    if isinstance(body, list) and body and all(isinstance(name, str) for name in body):
        body = sorted(body)
    methods = answer.headers.get("allow")
    if methods:
        # Methods have no order.
        answer.headers["allow"] = ",".join(sorted(methods.split(",")))
        if step.method == "OPTIONS" and answer.text:
            body = sorted(answer.text.split(", "))
    apart = side.sink.keys() - {"connector.class"}
    return {"status": answer.status, "headers": mask(answer.headers, side.hidden, apart), "body": mask(body, side.hidden, apart)}


def unlike(expected, actual, path="", free=False):
    """The places where two answers differ, as (path, expected, actual). Members of a configuration have no order."""
    if isinstance(expected, dict) and isinstance(actual, dict):
        for key in expected:
            place = (path + "." if path else "") + key.replace(".", "\\_")
            if key not in actual:
                yield place, expected[key], None
            else:
                yield from unlike(expected[key], actual[key], place, free or key in ("config", "body") and path != "")
        for key in actual:
            if key not in expected:
                yield (path + "." if path else "") + key.replace(".", "\\_"), None, actual[key]
    elif isinstance(expected, list) and isinstance(actual, list) and len(expected) == len(actual):
        for number, (one, other) in enumerate(zip(expected, actual)):
            yield from unlike(one, other, "%s.%d" % (path, number))
    elif expected != actual:
        yield path, expected, actual


def blames_the_same(path, theirs, ours):
    """Whether two texts about a faulty configuration concern the same properties; the words are each one's own."""
    if re.search(r"body\.wrong\..*\.errors(\.\d+)?$", path):
        return bool(theirs and ours)
    if not (isinstance(theirs, str) and isinstance(ours, str)):
        return False
    frame = "Connector configuration is invalid and contains the following "
    if not (theirs.startswith(frame) and ours.startswith(frame)):
        return False
    pattern = r"The '(\S+)' value|configuration ([\w.]+):|configuration \"([\w.]+)\""
    lines = theirs.splitlines()[1:-1]
    # A line that blames no property by its name has to be there as it is.
    whole = [line for line in lines if line.startswith(("Must", "The DLQ")) or "mutually" in line]
    blamed = {next(filter(None, names)) for names in re.findall(pattern, theirs)}
    return all(one in ours for one in [*blamed, *whole])


def matches(pattern, path):
    """Whether the place of a difference is meant: the whole path, its end, or, with `*`, what begins so."""
    path = path.replace("\\_", ".")
    if pattern.endswith("*"):
        return ("." + pattern[:-1]) in path
    return path == pattern or path.endswith("." + pattern)


def compare(step, everywhere, expected, actual):
    """What is wrong with our answer, a line each."""
    text = json.dumps(actual["body"], ensure_ascii=False)
    unsaid = ["the answer does not say %r: %s" % (pattern, text[:400]) for pattern in step.says if not re.search(pattern, text)]
    whole = next((d for d in step.differs if d.path == "*"), None)
    if whole:
        status, _, pattern = whole.value.partition(" ")
        if str(actual["status"]) != status:
            return ["status %s, wanted otherwise: %s" % (actual["status"], status)]
        return unsaid if re.search(pattern, text) else unsaid + ["the answer has no %r: %s" % (pattern, text[:300])]
    if step.only in ("names", "definitions", "options") and isinstance(actual["body"], dict) and isinstance(expected["body"], dict):
        # What we know beyond it is no difference.
        actual = {**actual, "body": {name: one for name, one in actual["body"].items() if name in expected["body"]}}
    found_ones, lines = set(), unsaid
    for path, theirs, ours in unlike(expected, actual):
        if blames_the_same(path, theirs, ours):
            continue
        wanted = [d for d in step.differs + everywhere if matches(d.path, path)]
        met = [d for d in wanted if d.met(ours)]
        found_ones.update(id(d) for d in met)
        if not met:
            lines.append("%s: %s, we say %s" % (path, json.dumps(theirs, ensure_ascii=False)[:400],
                                                 json.dumps(ours, ensure_ascii=False)[:400]))
    for difference in step.differs:
        if id(difference) not in found_ones:
            lines.append("a declared difference is none: %s" % difference)
    return lines
