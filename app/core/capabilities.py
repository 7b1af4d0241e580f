"""What this desktop lets MaskBar do, and for each thing that it does not, the sentence to show.

The one rule: nothing is found out here. The facts come in as data, so that Settings, `doctor` and the README's table
say the same of the same desktop, and a fact that nobody knows yet is neither a yes nor a no.
"""

from dataclasses import dataclass
from enum import Enum


class Feature(Enum):
    """A thing that depends on the desktop. The value is its name on screen."""

    TOPMOST = "Stays on top"
    FULL_SCREEN = "Stays on top of full-screen programs"
    ALL_DESKTOPS = "On all virtual desktops"
    FOCUS = "A press leaves the keyboard in the customer’s form"
    TRAY = "Icon in the tray"
    NOTIFICATIONS = "Notifications"
    HOTKEYS = "Global hotkeys"
    LOCK = "Notices that the screen is locked"
    AUTOSTART = "Start at login"
    READ_BACK = "Asks the recorder what is really recorded"
    KEYRING = "Keeps the access key in the system’s keyring"


class Desktop(Enum):
    """The windowing system that the window is really on (Qt's platform), by its name on screen."""

    X11 = "X11"
    WAYLAND = "Wayland"
    WINDOWS = "Windows"
    MACOS = "macOS"
    NONE = "no display"


class Can(Enum):
    YES = "yes"
    NO = "no"
    NOT_KNOWN = "not known"


@dataclass(frozen=True, slots=True)
class Facts:
    """What was found. None: not known (yet)."""

    desktop: Desktop
    xwayland: bool = False
    """The desktop is Wayland, and X11 programs can be shown, too."""
    holds_topmost: bool = False
    leaves_focus: bool = False
    all_desktops: bool = False
    """These three as the window's placement says."""
    tray: bool | None = None
    notifications: bool | None = None
    hotkeys: bool | None = None
    hotkeys_reason: str = ""
    """Why not, in whole sentences."""
    locks: bool | None = None
    autostart: bool | None = True
    read_back: bool | None = None
    keyring: bool | None = None
    keyring_reason: str = ""


@dataclass(frozen=True, slots=True)
class Capability:
    """One line of the table. `sentence` is empty when it can, and when it is not known."""

    feature: Feature
    can: Can
    sentence: str
    verified: bool
    """It was run on this kind of desktop, by the tests."""


VERIFIED: dict[Desktop, frozenset[Feature]] = {
    # Xvfb with openbox and, for the tray, trayer and a StatusNotifier host: tests/session and tests/desktop.
    Desktop.X11: frozenset(Feature) - {Feature.KEYRING},
    Desktop.WAYLAND: frozenset(),
    Desktop.WINDOWS: frozenset(),
    Desktop.MACOS: frozenset(),
    Desktop.NONE: frozenset(),
}


def desktop(platform: str) -> Desktop:
    """From the name of Qt's platform, as in QGuiApplication.platformName()."""
    names = {
        "xcb": Desktop.X11,
        "wayland": Desktop.WAYLAND,
        "windows": Desktop.WINDOWS,
        "cocoa": Desktop.MACOS,
    }
    return names.get(platform.partition("-")[0], Desktop.NONE)


def capabilities(facts: Facts) -> tuple[Capability, ...]:
    """Every feature, in the order of `Feature`."""
    return tuple(_capability(feature, facts) for feature in Feature)


def missing(facts: Facts) -> tuple[Capability, ...]:
    """What this desktop cannot do: what Settings and `doctor` say."""
    return tuple(found for found in capabilities(facts) if found.can is Can.NO)


def offers_x11(facts: Facts) -> bool:
    """Starting MaskBar as an X11 program (QT_QPA_PLATFORM=xcb) would do more than now."""
    return facts.desktop is Desktop.WAYLAND and facts.xwayland


def _capability(feature: Feature, facts: Facts) -> Capability:
    known = _known(facts)[feature]
    can = Can.NOT_KNOWN if known is None else Can.YES if known else Can.NO
    sentence = _sentence(feature, facts) if can is Can.NO else ""
    return Capability(feature, can, sentence, feature in VERIFIED[facts.desktop])


def _known(facts: Facts) -> dict[Feature, bool | None]:
    return {
        Feature.TOPMOST: facts.holds_topmost,
        # Windows and macOS let a topmost window stand there; window managers of X11 do not.
        Feature.FULL_SCREEN: facts.holds_topmost and facts.desktop in (Desktop.WINDOWS, Desktop.MACOS),
        Feature.ALL_DESKTOPS: facts.all_desktops,
        Feature.FOCUS: facts.leaves_focus,
        Feature.TRAY: facts.tray,
        Feature.NOTIFICATIONS: facts.notifications,
        Feature.HOTKEYS: facts.hotkeys,
        Feature.LOCK: facts.locks,
        Feature.AUTOSTART: facts.autostart,
        Feature.READ_BACK: facts.read_back,
        Feature.KEYRING: facts.keyring,
    }


_X11_INSTEAD = " Started as an X11 program, MaskBar can: see Settings; it takes effect at the next start."

_SENTENCES = {
    Feature.TOPMOST: "This desktop does not let a program keep its window on top.",
    Feature.FULL_SCREEN: (
        "A full-screen program covers MaskBar here. Reminders are still heard, and hotkeys and the command line work."
    ),
    Feature.ALL_DESKTOPS: "This desktop does not let a program show its window on all virtual desktops.",
    Feature.FOCUS: "A press on MaskBar takes the keyboard here: click into the form again, or use a hotkey.",
    Feature.TRAY: "This desktop has no tray. Closing the window minimises it, so that it stays within reach.",
    Feature.NOTIFICATIONS: "Nothing shows notifications here. Reminders come in the window and as a sound.",
    Feature.HOTKEYS: "Global hotkeys do not work here.",
    Feature.LOCK: "This desktop does not tell when it is locked. Reminders go on as if it were not.",
    Feature.AUTOSTART: "MaskBar cannot set itself to start at login here.",
    Feature.READ_BACK: (
        "This sign-in may not ask the recorder. MASKED rests on the service’s reply, and is believed for a limited time."
    ),
    Feature.KEYRING: "There is no keyring that MaskBar can use. The access key has to be given at each start.",
}

_ELSEWHERE = {
    (Feature.ALL_DESKTOPS, Desktop.WINDOWS): (
        "Windows keeps this to itself: in the task view, right-click MaskBar and choose “Show this window on all desktops”."
    ),
    (Feature.FOCUS, Desktop.MACOS): (
        "A press on MaskBar makes it the active program. Escape gives the keyboard back to the form."
    ),
    (Feature.TOPMOST, Desktop.WAYLAND): "Wayland does not let a program keep its window on top.",
}


def _sentence(feature: Feature, facts: Facts) -> str:
    if feature is Feature.HOTKEYS and facts.hotkeys_reason:
        return facts.hotkeys_reason
    if feature is Feature.KEYRING and facts.keyring_reason:
        return facts.keyring_reason
    sentence = _ELSEWHERE.get((feature, facts.desktop), _SENTENCES[feature])
    if offers_x11(facts) and feature in (Feature.TOPMOST, Feature.ALL_DESKTOPS, Feature.FOCUS):
        sentence += _X11_INSTEAD
    return sentence
