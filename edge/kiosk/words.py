"""Every word on the screen, in the languages Kaoqin speaks. ``{...}`` is filled in by the page."""

from __future__ import annotations

from models.person import Language

_ZH, _EN = Language.ZH, Language.EN

WORDS: dict[str, dict[Language, str]] = {
    # What is asked of whoever comes.
    "look_or_press": {_ZH: "请正视镜头，或按手指", _EN: "Look here, or place a finger"},
    "look": {_ZH: "请正视镜头", _EN: "Look here"},
    "press": {_ZH: "请按手指", _EN: "Place a finger"},
    "type": {_ZH: "请输入工号和密码", _EN: "Enter your number and PIN"},
    # What became of it.
    "recorded": {_ZH: "已记录", _EN: "recorded"},
    "in": {_ZH: "上班", _EN: "in"},
    "out": {_ZH: "下班", _EN: "out"},
    "repeated": {_ZH: "{time} 已打过卡，无需重复", _EN: "Already recorded {time}"},
    "unsure": {_ZH: "没有十足把握，请按手指或输入工号密码", _EN: "Not sure. Finger or PIN, please"},
    "unknown": {_ZH: "未能识别", _EN: "Not recognised"},
    "not_recorded": {_ZH: "未记录！请稍后再试并告知管理员", _EN: "NOT recorded. Try again, tell the admin"},
    "noted": {
        _ZH: "已记下。请按手指或输入工号密码，并告知管理员",
        _EN: "Noted. Finger or PIN, please, and tell the admin",
    },
    "not_me": {_ZH: "不是我", _EN: "Not me"},
    # The quiet line at the foot.
    "online": {_ZH: "在线", _EN: "Online"},
    "sending": {_ZH: "正在上传 {n} 条", _EN: "Sending {n}"},
    "offline": {_ZH: "网络断开，已保存 {n} 条", _EN: "Offline, {n} kept safe"},
    "sensor_away": {_ZH: "指纹暂不可用，请刷脸或用密码", _EN: "Fingerprint unavailable: face or PIN"},
    "camera_away": {_ZH: "刷脸暂不可用，请按手指或用密码", _EN: "Camera unavailable: finger or PIN"},
    "both_away": {
        _ZH: "刷脸和指纹暂不可用，请用密码",
        _EN: "Camera and fingerprint unavailable: PIN, please",
    },
    "clock_unset": {_ZH: "时间未校准，打卡照常保存", _EN: "Clock not set yet; punches are kept"},
    "clock_off": {
        _ZH: "时间不准，打卡照常保存，请告知管理员",
        _EN: "Clock is wrong; punches are kept. Tell the admin",
    },
    "storage_filling": {_ZH: "存储空间不多了，请告知管理员", _EN: "Storage is filling up: tell the admin"},
    "storage_full": {
        _ZH: "存储空间快用完，请立即告知管理员",
        _EN: "Storage is nearly full: tell the admin now",
    },
    "silent": {_ZH: "终端没有响应，请告知管理员", _EN: "The terminal does not answer. Tell the admin"},
    # The PIN pad and the page itself.
    "pin_pad": {_ZH: "工号密码", _EN: "Number and PIN"},
    "number": {_ZH: "工号", _EN: "Employee number"},
    "pin": {_ZH: "密码", _EN: "PIN"},
    "next": {_ZH: "下一步", _EN: "Next"},
    "confirm": {_ZH: "打卡", _EN: "Punch"},
    "cancel": {_ZH: "取消", _EN: "Cancel"},
    "delete": {_ZH: "删除", _EN: "Delete"},
    "wrong_pin": {_ZH: "工号或密码不对，请再试一次", _EN: "Number or PIN is wrong. Try again"},
    "wait": {_ZH: "试得太多，请 {s} 秒后再试", _EN: "Too many tries. Try again in {s} s"},
    "sound_on": {_ZH: "开启提示音", _EN: "Turn on sound"},
    "other_language": {_ZH: "English", _EN: "中文"},
}


def in_language(language: Language) -> dict[str, str]:
    """All words of one language."""
    return {key: texts[language] for key, texts in WORDS.items()}
