"""Sentences of an explanation, in Chinese and English.

Steps are made by the code that judges; here they only get words. Names of terminals, sites and leave types
come from the caller, what has no name is shown as it is.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

from cloud.rules.faults import DAYS, Language
from models.attendance import ArgValue, Step

ZH: Final[Mapping[str, str]] = {
    "not_employed": "当日不在职，不作要求",
    "exempt": "当日免考勤，不作要求",
    "off_roster": "排班为休息",
    "off_week": "{weekday}按周班制休息（{policy}）",
    "off_rest": "日历休息日：{calendar}",
    "off_statutory": "法定节假日：{calendar}",
    "due_makeup": "调休上班：{calendar}",
    "half_holiday_am": "上午放假：{calendar}，免 {minutes} 分钟",
    "half_holiday_pm": "下午放假：{calendar}，免 {minutes} 分钟",
    "in": "上班打卡 {in}{at}，应 {due}",
    "out": "下班打卡 {out}{at}，应 {due}",
    "in_undue": "上班打卡 {in}{at}",
    "out_undue": "下班打卡 {out}{at}",
    "waived": "{due_in} 至 {due_out}：因公外出相接或班次规定，该端无需打卡",
    "late": "迟到 {minutes} 分钟：{in}{at} 上班打卡，应 {due}，宽限 {grace} 分钟（{policy}）",
    "serious_late": "严重迟到 {minutes} 分钟：{in}{at} 上班打卡，应 {due}，超过 {over} 分钟（{policy}）",
    "absent_half_late": "旷工半天：{in}{at} 上班，应 {due}，迟到 {minutes} 分钟，超过 {over}（{policy}）",
    "early": "早退 {minutes} 分钟：{out}{at} 下班打卡，应 {due}，宽限 {grace} 分钟（{policy}）",
    "absent_half_early": "旷工半天：{out}{at} 下班，应 {due}，早退 {minutes} 分钟，超过 {over}（{policy}）",
    "graced_in": "{in}{at} 上班打卡，晚 {minutes} 分钟，在宽限内不计迟到（{policy}）",
    "graced_out": "{out}{at} 下班打卡，早 {minutes} 分钟，在宽限内不计早退（{policy}）",
    "graced_late_start": "昨日晚走，今日可 {due} 到岗：{in}{at} 上班打卡，免计 {minutes} 分钟（{policy}）",
    "absent": "旷工：{due_in} 至 {due_out} 没有打卡，{minutes} 分钟",
    "absent_free": "旷工：当日没有打卡，应工作 {minutes} 分钟",
    "missing_in": "缺上班卡：应 {due_in}，{minutes} 分钟无法证明",
    "missing_out": "缺下班卡：应 {due_out}，{minutes} 分钟无法证明",
    "missing_in_free": "缺上班卡：自由工时只有一次打卡，{minutes} 分钟无法证明",
    "missing_out_free": "缺下班卡：自由工时只有一次打卡，{minutes} 分钟无法证明",
    "short_hours": "工时不足 {minutes} 分钟：在岗 {present} 分钟，应 {required} 分钟",
    "absent_below": "旷工：出勤 {worked} 分钟，低于 {below} 分钟（{policy}）",
    "absent_half_below": "旷工半天：出勤 {worked} 分钟，低于 {below} 分钟（{policy}）",
    "away": "两次打卡之间离岗 {minutes} 分钟",
    "leave_claim": "请假（{type}）{minutes} 分钟，{days} 天：{source} {id}",
    "trip_claim": "出差 {minutes} 分钟，{days} 天：{source} {id}",
    "outing_claim": "外出 {minutes} 分钟：{source} {id}",
    "flex_earlier": "弹性班次 {shift}：上下班时间提前 {minutes} 分钟",
    "flex_later": "弹性班次 {shift}：上下班时间推后 {minutes} 分钟",
    "overtime_workday": "工作日加班 {minutes} 分钟",
    "overtime_rest": "休息日加班 {minutes} 分钟",
    "overtime_statutory": "法定节假日加班 {minutes} 分钟",
    "overtime_workday_rounded": "工作日加班 {minutes} 分钟：可计 {of} 分钟，按 {unit} 分钟取整（{policy}）",
    "overtime_rest_rounded": "休息日加班 {minutes} 分钟：可计 {of} 分钟，按 {unit} 分钟取整（{policy}）",
    "overtime_statutory_rounded": (
        "法定节假日加班 {minutes} 分钟：可计 {of} 分钟，按 {unit} 分钟取整（{policy}）"
    ),
    "overtime_short": "加班 {of} 分钟不计：起计 {minimum} 分钟，按 {unit} 分钟取整（{policy}）",
    "pending_in_progress": "尚未结束，{minutes} 分钟待定",
    "pending_pending_data": "考勤机数据未到齐，{minutes} 分钟待定",
    "open_in_progress": "尚未结束，结果还会变化",
    "open_pending_data": "考勤机数据未到齐，结果还会变化",
    "decided_waive": "人事裁定免除：{minutes} 分钟不计",
    "decided_normal": "人事裁定记为正常：{minutes} 分钟计为出勤",
    "decided_absent": "人事裁定记为旷工：{minutes} 分钟",
    "conflict": "同一时间被申请了两次，按优先顺序计一次",
    "conflict_correction": "同一次打卡已有补卡，{source} {id} 未采用",
    "conflict_decision": "人事裁定覆盖了当日的请假、出差或外出",
    "corrected": "补卡：{side} {at}，{source} {id}",
    "correction_refused": "补卡未采用（上班不早于下班）：{side} {at}，{source} {id}",
    "correction_over_limit": "本月补卡次数超过上限",
    "correction_too_old": "补卡提交过晚",
    "decided": "人事裁定：{source} {id}",
    "worked_on_leave": "请假时间内在岗 {minutes} 分钟",
    "on_trip": "当日有出差：{source} {id}",
    "unapproved_overtime": "未申请的加班 {minutes} 分钟",
    "worked_without_form": "休息日出勤 {minutes} 分钟，没有加班申请",
    "overtime_unproven": "加班申请 {minutes} 分钟，没有打卡证明",
    "pending_approval": "有待审批的{kind}：{source} {id}",
    "late_waived": "迟到 {minutes} 分钟，用本月免计次数免计",
    "late_start": "昨日晚走 {over} 分钟，今日上班时间后移 {minutes} 分钟",
    "site_other": "{at} 在其他地点 {site} 打卡",
    "clock_repaired": "{at} 的打卡已校正考勤机时钟",
    "untrusted_time": "收到一次时间不可信的打卡，不作依据",
    "duplicate_collapsed": "{at} 的重复打卡合并为一次",
    "direction_overridden": "打卡方向与判定不符，按时间判定",
    "stray_punch": "有打卡无法配对，未采用",
    "over_max_shift": "两次打卡相隔超过 {over} 分钟，未配对",
    "shared_punch": "上一班的下班卡兼作本班的上班卡",
    "synthetic_out": "没有下班卡，按 {out} 自动补下班",
    "unscheduled_punch": "{at} 的打卡不在任何班次时间内",
    "not_employed_punch": "不在职日期的打卡",
    "impossible_travel": "{site} 与 {other_site} 的打卡相隔不足 {minutes} 分钟路程",
}

EN: Final[Mapping[str, str]] = {
    "not_employed": "Not employed on that date: nothing is due",
    "exempt": "Exempt from attendance: nothing is due",
    "off_roster": "Day off by roster",
    "off_week": "Day off: {weekday} by the week of {policy}",
    "off_rest": "Day off by calendar: {calendar}",
    "off_statutory": "Statutory holiday: {calendar}",
    "due_makeup": "Work on a day off, made up: {calendar}",
    "half_holiday_am": "Morning off: {calendar}, {minutes} min are not due",
    "half_holiday_pm": "Afternoon off: {calendar}, {minutes} min are not due",
    "in": "In {in}{at}, due {due}",
    "out": "Out {out}{at}, due {due}",
    "in_undue": "In {in}{at}",
    "out_undue": "Out {out}{at}",
    "waived": "{due_in} to {due_out}: beside a trip or outing, or by the shift, an end needs no punch",
    "late": "Late {minutes} min: in {in}{at}, due {due}, grace {grace} ({policy})",
    "serious_late": "Very late {minutes} min: in {in}{at}, due {due}, over {over} ({policy})",
    "absent_half_late": "Absent half day: in {in}{at}, due {due}, {minutes} late, over {over} ({policy})",
    "early": "Early {minutes} min: out {out}{at}, due {due}, grace {grace} ({policy})",
    "absent_half_early": "Absent half day: out {out}{at}, due {due}, {minutes} early, over {over} ({policy})",
    "graced_in": "In {in}{at}, {minutes} min within the grace ({policy})",
    "graced_out": "Out {out}{at}, {minutes} min within the grace ({policy})",
    "graced_late_start": "Stayed late yesterday, due {due}: in {in}{at}, {minutes} min forgiven ({policy})",
    "absent": "Absent: no punch from {due_in} to {due_out}, {minutes} min",
    "absent_free": "Absent: no punch that day, {minutes} min due",
    "missing_in": "IN is missing: due {due_in}, {minutes} min not proven",
    "missing_out": "OUT is missing: due {due_out}, {minutes} min not proven",
    "missing_in_free": "IN is missing: free hours with one punch, {minutes} min not proven",
    "missing_out_free": "OUT is missing: free hours with one punch, {minutes} min not proven",
    "short_hours": "Short by {minutes} min: present {present}, due {required}",
    "absent_below": "Absent: worked {worked} min, below {below} ({policy})",
    "absent_half_below": "Absent half day: worked {worked} min, below {below} ({policy})",
    "away": "Away {minutes} min between two punches",
    "leave_claim": "Leave ({type}) {minutes} min, {days} d: {source} {id}",
    "trip_claim": "Trip {minutes} min, {days} d: {source} {id}",
    "outing_claim": "Outing {minutes} min: {source} {id}",
    "flex_earlier": "Flexible shift {shift}: start and end {minutes} min earlier",
    "flex_later": "Flexible shift {shift}: start and end {minutes} min later",
    "overtime_workday": "Overtime on a workday {minutes} min",
    "overtime_rest": "Overtime on a rest day {minutes} min",
    "overtime_statutory": "Overtime on a statutory holiday {minutes} min",
    "overtime_workday_rounded": "Overtime on a workday {minutes} min: {of} in steps of {unit} ({policy})",
    "overtime_rest_rounded": "Overtime on a rest day {minutes} min: {of} in steps of {unit} ({policy})",
    "overtime_statutory_rounded": (
        "Overtime on a statutory holiday {minutes} min: {of} in steps of {unit} ({policy})"
    ),
    "overtime_short": "Overtime of {of} min is not counted: from {minimum} on, in steps of {unit} ({policy})",
    "pending_in_progress": "Not over yet, {minutes} min open",
    "pending_pending_data": "A terminal has not reported yet, {minutes} min open",
    "open_in_progress": "Not over yet, the result may change",
    "open_pending_data": "A terminal has not reported yet, the result may change",
    "decided_waive": "Waived by HR: {minutes} min",
    "decided_normal": "Set normal by HR: {minutes} min count as present",
    "decided_absent": "Set absent by HR: {minutes} min",
    "conflict": "The same time was claimed twice and counts once, by rank",
    "conflict_correction": "That punch has a correction already, {source} {id} was not used",
    "conflict_decision": "HR's decision overrides leave, trip or outing of the day",
    "corrected": "Correction: {side} {at}, {source} {id}",
    "correction_refused": "Correction not used (IN would not precede OUT): {side} {at}, {source} {id}",
    "correction_over_limit": "More corrections this month than allowed",
    "correction_too_old": "The correction was submitted too late",
    "decided": "Decided by HR: {source} {id}",
    "worked_on_leave": "Present {minutes} min during leave",
    "on_trip": "On a trip that day: {source} {id}",
    "unapproved_overtime": "Overtime without approval {minutes} min",
    "worked_without_form": "Worked {minutes} min on a day off without a form",
    "overtime_unproven": "Overtime form of {minutes} min, no punch proves it",
    "pending_approval": "Waiting for approval: {kind} {source} {id}",
    "late_waived": "Late {minutes} min, waived as one of the month's free ones",
    "late_start": "Stayed {over} min longer yesterday, start moved by {minutes} min",
    "site_other": "Punch {at} at another site, {site}",
    "clock_repaired": "Punch {at}: the terminal's clock was corrected",
    "untrusted_time": "A punch without a trusted time was received; it proves nothing",
    "duplicate_collapsed": "Punches at {at} count as one",
    "direction_overridden": "The chosen direction does not fit; judged by time",
    "stray_punch": "A punch fits no pair and was not used",
    "over_max_shift": "Two punches more than {over} min apart are no pair",
    "shared_punch": "The OUT of the shift before is also the IN of this one",
    "synthetic_out": "No OUT; closed automatically at {out}",
    "unscheduled_punch": "Punch {at} lies in no shift's window",
    "not_employed_punch": "Punch on a date without employment",
    "impossible_travel": "Punches at {site} and {other_site} less than {minutes} min of travel apart",
}

SENTENCES: Final[Mapping[Language, Mapping[str, str]]] = {"zh": ZH, "en": EN}
WORDS: Final[Mapping[Language, Mapping[str, str]]] = {
    "zh": {
        "leave": "请假",
        "trip": "出差",
        "outing": "外出",
        "overtime": "加班",
        "correction": "补卡",
        "decision": "裁定",
        "in": "上班",
        "out": "下班",
        **DAYS["zh"],
    },
    "en": {"in": "IN", "out": "OUT", **DAYS["en"]},
}
NAMED: Final = ("device", "type", "site", "other_site", "source", "shift", "group", "calendar")
WORDED: Final = ("kind", "side", "weekday")


def explain(step: Step, language: Language, names: Mapping[str, str]) -> str:
    """The sentence of a step.

    Args:
        step: from :attr:`models.attendance.AttendanceDay.explanation`.
        language: of the sentence.
        names: display names of terminals, sites, leave types, sources, shifts and groups by their ids, and of
            days of the calendar by their dates.

    Raises:
        KeyError: a code that no engine emits.
    """
    words: dict[str, str] = {}
    for key, value in step.args.items():
        words[key] = _word(key, value, language, names)
    if "group" in words:
        words["policy"] = f"{words['group']} {words['policy']}"
    return SENTENCES[language][step.code].format_map({**words, "at": _at(step, words, language)})


def _word(key: str, value: ArgValue, language: Language, names: Mapping[str, str]) -> str:
    text = "" if value is None else str(value)
    if key in WORDED:
        return WORDS[language].get(text, text)
    return names.get(text, text) if key in NAMED else text


def _at(step: Step, words: Mapping[str, str], language: Language) -> str:
    """Where a punch was made, or by which form it was corrected; else the time of the step itself."""
    if "at" in words:
        return words["at"]
    if "device" in words:
        return f" 于 {words['device']}" if language == "zh" else f" at {words['device']}"
    if "source" in words and ("in" in step.args or "out" in step.args):
        form = f"{words['source']} {words['id']}"
        return f"（补卡 {form}）" if language == "zh" else f" (correction {form})"
    return ""
