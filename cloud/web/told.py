"""Faults of rules as the pages say them: by the names of the fields, not by those of a rules file."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

from cloud.rules.faults import Fault, sentence
from cloud.web.words import words
from models.person import Language

_PARAMETER_ARGS: Final = ("name", "needs")


def told(fault: Fault, language: Language, typed: str = "", groups: Mapping[str, str] | None = None) -> str:
    """What is wrong, in one sentence.

    Args:
        fault: what to tell.
        language: of the sentence.
        typed: what stands in the field that it is about.
        groups: names of groups by their ids.
    """
    say = words(language)
    if fault.code == "unknown_shift" and fault.path[0] == "week":
        return say("rules.week_lacks", **fault.args)
    args = dict(fault.args)
    for arg in _PARAMETER_ARGS:
        if f"param.{args.get(arg)}" in say:
            args[arg] = say(f"param.{args[arg]}")
    if args.get("first_day") == args.get("second_day") == "next_day":
        args |= {"first_day": "same_day", "second_day": "same_day"}
    if "group" in args and groups:
        args["group"] = groups.get(str(args["group"]), args["group"])
    if fault.code == "bad_parameter":
        args["value"] = typed or args["value"]
        args["allowed"] = say("rules.allowed_tiers") if args["allowed"] == "tiers" else args["allowed"]
    return sentence(Fault(fault.code, fault.path, args), language.value)
