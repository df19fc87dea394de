"use strict";
// The page shows what the terminal's events say and nothing it thinks up itself.

const el = (id) => document.getElementById(id);
const SILENT_AFTER_MS = 25_000;
const PAD_IDLE_MS = 30_000;
const FRAME_MS = 160;
// Pairs of pitch in Hz and length in s, played one after the other.
const TONES = {
  recorded: [[660, 0.12], [880, 0.18]],
  repeated: [[520, 0.16]],
  unsure: [[480, 0.14], [480, 0.14]],
  unknown: [[240, 0.3]],
  not_recorded: [[200, 0.25], [200, 0.25], [200, 0.25]],
  noted: [[520, 0.16]],
};

let words = { zh: {}, en: {} };
let language = localStorage.getItem("language") === "en" ? "en" : "zh";
let view = null;
let aheadMs = 0; // the terminal's clock less this browser's
let heardMs = 0;
let lastSerial = null;
let sound = null;
let padTimer = 0;

function say(key, values = {}, inLanguage = language) {
  return (words[inLanguage][key] ?? "").replace(/\{(\w+)\}/g, (_, name) => values[name] ?? "");
}

function timeOf(ms) {
  return new Intl.DateTimeFormat("en-GB", { hour: "2-digit", minute: "2-digit", timeZone: view.zone }).format(ms);
}

function drawClock() {
  const now = Date.now() + aheadMs;
  const locale = language === "zh" ? "zh-CN" : "en-GB";
  const weekday = new Intl.DateTimeFormat(locale, { weekday: "long", timeZone: view.zone }).format(now);
  const date = new Intl.DateTimeFormat("sv-SE", { timeZone: view.zone }).format(now);
  el("clock").textContent = timeOf(now);
  el("date").textContent = `${date} ${weekday}`;
}

function tick() {
  if (view) drawClock();
  if (Date.now() - heardMs > SILENT_AFTER_MS) drawFoot(["silent"]);
  setTimeout(tick, 1000 - ((Date.now() + aheadMs) % 1000));
}

function drawFoot(keys) {
  el("foot").replaceChildren(...keys.map((key) => {
    const line = document.createElement("li");
    line.className = key;
    line.textContent = say(key, { n: view ? view.waiting : 0 });
    return line;
  }));
}

function drawBand(notice) {
  el("band").hidden = !notice;
  if (!notice) return;
  const theirs = notice.language ?? language;
  const values = { time: notice.at_ms === null ? "" : timeOf(notice.at_ms) };
  el("band").dataset.kind = notice.kind;
  el("band").lang = theirs;
  const recorded = notice.kind === "recorded";
  el("who").textContent = recorded ? `${notice.name} ${values.time}`.trim() : notice.name ?? "";
  el("who").className = (notice.name ?? "").length > 14 ? "long" : "";
  const direction = notice.direction ? ` · ${say(notice.direction, {}, theirs)}` : "";
  el("word").textContent = say(notice.kind, values, theirs) + direction;
  if (notice.serial !== lastSerial) play(notice.kind);
  lastSerial = notice.serial;
}

function draw() {
  document.documentElement.lang = language === "zh" ? "zh-CN" : "en";
  for (const [id, key] of [["language", "other_language"], ["open-pad", "pin_pad"], ["sound", "sound_on"],
    ["not-me", "not_me"], ["pad-title", "pin_pad"], ["number-label", "number"], ["pin-label", "pin"], ["cancel", "cancel"]]) {
    el(id).textContent = say(key);
  }
  drawKeys();
  if (!view) return;
  const near = view.is_near && view.has_camera;
  document.body.className = [near && "near", view.notice && "told"].filter(Boolean).join(" ");
  if (near && el("mirror").hidden) setTimeout(nextFrame, 0);
  el("mirror").hidden = !near;
  drawClock();
  el("site").textContent = view.site;
  el("ask").textContent = say(view.ask);
  el("not-me").hidden = !view.disputable;
  drawFoot(view.foot);
  drawBand(view.notice);
  if (view.notice && el("pad").open) closePad();
}

function nextFrame() {
  if (el("mirror").hidden) return;
  const fresh = new Image();
  fresh.onload = () => {
    el("frame").src = fresh.src;
    setTimeout(nextFrame, FRAME_MS);
  };
  fresh.onerror = () => setTimeout(nextFrame, 1000);
  fresh.src = `/frame.jpg?at=${Date.now()}`;
}

// Sound: browsers let a page sound only after a touch, unless the kiosk was started with that waived.
function play(kind) {
  if (!sound || sound.state !== "running") return;
  let at = sound.currentTime + 0.02;
  for (const [hertz, seconds] of TONES[kind] ?? []) {
    const tone = sound.createOscillator();
    const volume = sound.createGain();
    tone.frequency.value = hertz;
    volume.gain.setValueAtTime(0, at);
    volume.gain.linearRampToValueAtTime(0.25, at + 0.015);
    volume.gain.setValueAtTime(0.25, at + seconds - 0.03);
    volume.gain.linearRampToValueAtTime(0, at + seconds);
    tone.connect(volume).connect(sound.destination);
    tone.start(at);
    tone.stop(at + seconds);
    at += seconds + 0.06;
  }
}

function wakeSound() {
  sound ??= new AudioContext();
  sound.onstatechange = () => { el("sound").hidden = sound.state === "running"; };
  sound.resume();
  el("sound").hidden = sound.state === "running";
}

// The pad: two fields, ten digits; a keyboard may type letters as well.
function drawKeys() {
  const onPin = document.activeElement === el("pin");
  const keys = [..."123456789", "delete", "0", onPin ? "confirm" : "next"].map((key) => {
    const button = document.createElement("button");
    button.type = key.length > 1 && key !== "delete" ? "submit" : "button";
    button.tabIndex = -1;
    button.dataset.key = key;
    button.textContent = key.length > 1 ? say(key) : key;
    button.className = key.length > 1 ? (key === "delete" ? "word" : "word go") : "";
    return button;
  });
  el("keys").replaceChildren(...keys);
}

function openPad() {
  el("number").value = el("pin").value = el("pad-says").textContent = "";
  el("pad").showModal();
  el("number").focus();
  drawKeys();
  stayOpen();
}

function stayOpen() {
  clearTimeout(padTimer);
  padTimer = setTimeout(closePad, PAD_IDLE_MS);
}

function closePad() {
  clearTimeout(padTimer);
  el("pin").value = el("number").value = "";
  if (el("pad").open) el("pad").close();
}

async function goOn() {
  const onPin = document.activeElement === el("pin");
  el("pad-says").textContent = "";
  if (!onPin || !el("number").value) {
    (el("number").value ? el("pin") : el("number")).focus();
    return;
  }
  const typed = { number: el("number").value, pin: el("pin").value };
  el("pin").value = "";
  if (!typed.pin) return;
  const answer = await post("/api/pin", typed);
  const said = answer.ok ? await answer.json() : { outcome: "silent" };
  if (said.outcome === "unknown") play("unknown");
  el("pad-says").textContent = { unknown: say("wrong_pin"), wait: say("wait", { s: said.wait_s }), silent: say("silent") }[said.outcome] ?? "";
}

function post(path, body) {
  const request = { method: "POST", headers: { "Content-Type": "application/json" }, body: JSON.stringify(body) };
  return fetch(path, request).catch(() => new Response(null, { status: 503 }));
}

el("keys").addEventListener("mousedown", (event) => event.preventDefault()); // the field keeps the focus
el("keys").addEventListener("click", (event) => {
  const key = event.target.dataset.key;
  const field = document.activeElement === el("pin") ? el("pin") : el("number");
  if (!key) return;
  stayOpen();
  if (key === "delete") field.value = field.value.slice(0, -1);
  else if (key.length === 1 && field.value.length < field.maxLength) field.value += key;
});
el("pad-form").addEventListener("submit", (event) => { event.preventDefault(); goOn(); });
el("pad").addEventListener("input", stayOpen);
el("pad").addEventListener("focusin", drawKeys);
el("pad").addEventListener("close", closePad);
el("open-pad").addEventListener("click", openPad);
el("cancel").addEventListener("click", closePad);
el("sound").addEventListener("click", wakeSound);
el("not-me").addEventListener("click", () => post("/api/not-me", { reference: view.disputable }));
el("language").addEventListener("click", () => {
  language = language === "zh" ? "en" : "zh";
  localStorage.setItem("language", language);
  draw();
});
document.addEventListener("pointerdown", wakeSound, { once: true });
document.addEventListener("keydown", (event) => { // whoever begins to type their number means the pad
  if (view && !el("pad").open && /^\d$/.test(event.key)) openPad();
});

fetch("/words.json").then((answer) => answer.json()).then((all) => {
  words = all;
  heardMs = Date.now();
  draw();
  tick();
  wakeSound();
  const events = new EventSource("/events");
  events.onmessage = (message) => {
    const event = JSON.parse(message.data);
    aheadMs = event.now_ms - Date.now();
    heardMs = Date.now();
    view = event.view;
    draw();
  };
});
