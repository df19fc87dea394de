"""A company of 150 people that never were."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import date, timedelta
from enum import StrEnum
from random import Random

SITE = "HQ"

SURNAMES = tuple(
    "王李张刘陈杨黄赵周吴徐孙马朱胡郭何林罗高郑梁谢宋唐许韩冯邓曹彭曾肖田董袁潘蔡蒋余于杜叶程魏苏吕丁任沈"
    "姚卢姜崔钟谭陆汪范金石廖贾夏韦傅方白邹孟熊秦邱江尹薛闫段雷侯龙史陶黎贺顾毛郝龚邵万钱严"
)
_GIVEN = (
    "伟 芳 娜 敏 静 丽 强 磊 军 洋 勇 艳 杰 娟 涛 明 超 霞 平 刚 桂英 秀兰 建国 志强 晓明 海燕 小红 文博 "
    "雨桐 子轩 梓涵 浩然 思远 嘉怡 欣妍 俊杰 宇航 晨曦 佳琪 梦瑶 诗涵 若曦 天佑 明轩 雅婷 婉清 立诚 国栋 "
    "春梅 玉兰 振华 培元 清扬 昊天 一鸣 书瑶 心怡 安琪 景行 知远"
)
GIVEN = tuple(_GIVEN.split())
FOREIGN = ("Olivia Hart", "Marco Bellini", "Aisha Rahman", "Tom Becker", "Sofia Lindqvist", "Daniel Okafor")


FINGERS_OF = ("研发部", 4)
FACES_OF = ("产品部", 2)
"""Whose fingers and faces the first door knows: the first so many of a department."""


class Rhythm(StrEnum):
    """Who tells these people when to work.

    ``OFFICE``: the firm's week and the calendar. ``ROTA``: a roster with day and night weeks.
    ``WEEKENDS``: a roster with rest days spread over the week.
    """

    OFFICE = "office"
    ROTA = "rota"
    WEEKENDS = "weekends"


@dataclass(frozen=True, slots=True)
class Department:
    """A department and how many work in it."""

    name: str
    size: int
    rhythm: Rhythm = Rhythm.OFFICE


DEPARTMENTS = (
    Department("总经办", 6),
    Department("研发部", 32),
    Department("产品部", 10),
    Department("销售部", 24),
    Department("市场部", 9),
    Department("人事行政部", 9),
    Department("财务部", 8),
    Department("客服部", 14, Rhythm.WEEKENDS),
    Department("生产部", 26, Rhythm.ROTA),
    Department("仓储物流部", 12),
)


@dataclass(frozen=True, slots=True)
class Member:
    """One person of the company. ``place`` counts from 0 within the department."""

    employee_no: str
    name: str
    department: str
    rhythm: Rhythm
    place: int
    language: str
    hire: date
    last_day: date | None
    pin: str

    def is_one_of(self, cast: tuple[str, int]) -> bool:
        """Whether the person is among the first ``cast[1]`` of department ``cast[0]``."""
        department, size = cast
        return self.department == department and self.place < size

    def employed_on(self, day: date) -> bool:
        """Whether the contract runs on ``day``."""
        return self.hire <= day and (self.last_day is None or day <= self.last_day)


def company(seed: int, first: date, last: date) -> tuple[Member, ...]:
    """The 150, by employee number.

    Over ``first`` .. ``last`` all but three are employed throughout: two join and one leaves within it.
    """
    random = Random(f"people {seed}")
    names = _names(random)
    days = (last - first).days
    joiners = {("研发部", 31): days // 4, ("客服部", 13): days // 2}
    leavers = {("市场部", 8): days * 2 // 3}
    members: list[Member] = []
    for department in DEPARTMENTS:
        for place in range(department.size):
            joins, leaves = joiners.get((department.name, place)), leavers.get((department.name, place))
            foreign = department.name in {"研发部", "销售部", "产品部"} and place in {3, 7}
            members.append(
                Member(
                    employee_no=str(1001 + len(members)),
                    name=FOREIGN[sum(m.language == "en" for m in members)] if foreign else next(names),
                    department=department.name,
                    rhythm=department.rhythm,
                    place=place,
                    language="en" if foreign else "zh",
                    hire=first - timedelta(days=random.randint(60, 3000))
                    if joins is None
                    else first + timedelta(days=joins),
                    last_day=None if leaves is None else first + timedelta(days=leaves),
                    pin=f"{random.randint(0, 999_999):06d}",
                )
            )
    return tuple(members)


def _names(random: Random) -> Iterator[str]:
    seen: set[str] = set()
    while True:
        name = random.choice(SURNAMES) + random.choice(GIVEN)
        if name not in seen:
            seen.add(name)
            yield name
