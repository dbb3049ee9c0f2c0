/** The page that shows a display: one canvas, keyboard, pointer and fingers, over one WebSocket. */
import { KEYS, US_CHARACTERS } from "@stratos/display/keys";

/**
 * Messages are those of display/src/screen-viewers.ts, after one with the token, which stands behind the address's #:
 * no server is told that, and no log has it.
 *
 * Keys go to a field that nobody sees: browsers compose text (input methods, dead keys, keyboards on the screen) only
 * where text can be. What they compose comes as text; so does a key whose character is another one than the layout
 * of the programs has there, as long as the program takes text. Else a key is a key. Pasting is the browser's own: its
 * event brings what was copied, and then the key follows. What programs copy is handed on at the next press of the
 * person, as the page may write there only then.
 */
const SCRIPT = `
const canvas = document.querySelector("canvas"), words = document.querySelector("p");
const field = document.querySelector("textarea");
const context = canvas.getContext("2d", { alpha: false });
const keys = ${JSON.stringify(KEYS)};
const characters = ${JSON.stringify(US_CHARACTERS)};
const held = new Set();
const socket = new WebSocket("ws://" + location.host + "/screen");
socket.binaryType = "arraybuffer";
const send = (message) => socket.readyState === 1 && socket.send(JSON.stringify(message));
socket.onopen = () => send({ token: location.hash.slice(1) });
socket.onclose = () => { words.textContent = "The program has ended, or this page may not see it."; };
socket.onmessage = ({ data }) => {
  if (typeof data === "string") return told(JSON.parse(data));
  const view = new DataView(data);
  if (view.getUint32(0, true) === 0xffffffff && view.getUint32(4, true) === 0) return play(new Int16Array(data, 8));
  for (let at = 0; at < data.byteLength;) {
    const [x, y, width, height] = [0, 2, 4, 6].map((offset) => view.getUint16(at + offset, true));
    at += 8;
    context.putImageData(new ImageData(new Uint8ClampedArray(data, at, 4 * width * height), width, height), x, y);
    at += 4 * width * height;
  }
  if (document.hidden) setTimeout(() => send({ shown: true }), 1000);
  else requestAnimationFrame(() => send({ shown: true }));
};
const told = ({ size, windows, cursor, title, text: place, locked, playing, copied: now }) => {
  if (size !== undefined) { canvas.width = size.width; canvas.height = size.height; }
  if (windows !== undefined) words.textContent = windows > 0 ? "" : "Waiting for a window…";
  if (cursor !== undefined) canvas.style.cursor = cursor;
  if (playing === true) { if (sound !== null) send({ hear: true }); else { isPlaying = true; hear(); } }
  if (title !== undefined) document.title = title === "" ? "Stratos" : title + " · Stratos";
  if (place !== undefined) takeText(place);
  if (locked !== undefined) keepPointer(locked);
  if (now !== undefined) { copied = now; if (navigator.userActivation?.isActive === true) giveCopied(); }
};

// Sound, as sound-player.ts has it: heard once the page was touched, before which browsers let nothing sound.
let sound = null, isPlaying = false, soundEnd = 0, soundRest = null;
const soundWords = "Press a key or a button here to hear the program.";
const hear = () => {
  if (!isPlaying || sound !== null) return;
  if (navigator.userActivation?.hasBeenActive !== true) {
    if (/^(|Waiting.*)$/.test(words.textContent)) words.textContent = soundWords;
    return;
  }
  if (words.textContent === soundWords) words.textContent = "";
  sound = new AudioContext({ sampleRate: 48000, latencyHint: "interactive" });
  send({ hear: true });
};
for (const kind of ["pointerdown", "pointerup", "keydown", "keyup"]) addEventListener(kind, hear, true);
const play = (samples) => {
  send({ heard: true });
  const frames = samples.length >> 1;
  if (sound === null || frames === 0) return;
  if (sound.state === "suspended") sound.resume();
  clearTimeout(soundRest);
  soundRest = setTimeout(() => sound.suspend(), 5000);
  if (soundEnd > sound.currentTime + 0.4) return;
  if (soundEnd < sound.currentTime) soundEnd = sound.currentTime + 0.1;
  const buffer = sound.createBuffer(2, frames, 48000);
  for (const channel of [0, 1]) {
    const into = buffer.getChannelData(channel);
    for (let at = 0; at < frames; at++) into[at] = samples[2 * at + channel] / 32768;
  }
  const source = sound.createBufferSource();
  source.buffer = buffer;
  source.connect(sound.destination);
  source.start(soundEnd);
  soundEnd += frames / 48000;
};

// Text: where the program takes it, and what the browser composes there.
let text = null;
const takeText = (place) => {
  if ((text === null) !== (place === null)) field.inputMode = place === null ? "none" : "text";
  text = place;
  if (place === null) return;
  const scale = canvas.clientWidth / canvas.width;
  field.style.left = canvas.offsetLeft + place.x * scale + "px";
  field.style.top = canvas.offsetTop + place.y * scale + "px";
  field.style.height = Math.max(1, place.height * scale) + "px";
};
// A message of the page has 4,096 bytes at most, and JSON may make six of a character.
const PART = 600, TEXT_MAX = 1 << 20;
const say = (name, whole) => {
  for (let at = 0; at === 0 || at < whole.length; at += PART)
    send({ [name]: whole.slice(at, at + PART), more: at + PART < whole.length });
};
const tap = (code) => { send({ key: code, down: true }); send({ key: code, down: false }); };
// Something that a keyboard on the screen can take away.
const clear = () => { field.value = " "; };
field.oninput = ({ isComposing, inputType, data }) => {
  if (isComposing || /Composition/.test(inputType)) return;
  if (inputType === "deleteContentBackward") tap(keys.Backspace);
  else if (inputType === "insertLineBreak" || inputType === "insertParagraph") tap(keys.Enter);
  else if (data) say("text", data);
  clear();
};
// The last update comes with the end: programs that are told both at once may pass over the text.
let update = null;
field.addEventListener("compositionupdate", ({ data }) => {
  clearTimeout(update);
  update = setTimeout(() => send({ preedit: data.slice(0, PART) }), 0);
});
field.addEventListener("compositionend", ({ data }) => { clearTimeout(update); say("text", data); clear(); });

// What was copied: by programs, and elsewhere.
let copied = null, pasting = null;
const giveCopied = () => {
  if (copied === null) return;
  const whole = copied;
  copied = null;
  navigator.clipboard?.writeText(whole).catch(() => { copied ??= whole; });
};
const endPasting = () => {
  if (pasting === null) return;
  clearTimeout(pasting.timer);
  const { code } = pasting;
  pasting = null;
  held.add(code);
  send({ key: code, down: true });
};
field.onpaste = (event) => {
  event.preventDefault();
  const whole = event.clipboardData.getData("text/plain");
  if (whole.length > TEXT_MAX) words.textContent = "What was copied is too long to be pasted.";
  else if (whole !== "") say("paste", whole);
  endPasting();
};
const pastes = ({ code, ctrlKey, metaKey, altKey, shiftKey }) =>
  !altKey && ((code === "KeyV" && (ctrlKey || metaKey)) || (code === "Insert" && shiftKey));

// Keys.
const isText = ({ key, code, ctrlKey, metaKey, altKey, shiftKey }) => {
  if (text === null || [...key].length !== 1) return false;
  if ((ctrlKey || altKey || metaKey) && !isThirdLevel) return false;
  const usual = characters[code]?.[shiftKey ? 1 : 0];
  return usual !== key && !(/^Key/.test(code) && usual?.toLowerCase() === key.toLowerCase());
};
let isThirdLevel = false;
field.onkeydown = (event) => {
  giveCopied();
  // The browser composes.
  if (event.isComposing || event.keyCode === 229 || (event.key === "Dead" && text !== null)) return;
  isThirdLevel = event.getModifierState?.("AltGraph") === true;
  if (isText(event)) return;
  const code = keys[event.code];
  if (code === undefined) return;
  if (pastes(event) && !event.repeat) {
    endPasting();
    pasting = { code, timer: setTimeout(endPasting, 200) };
    return;
  }
  event.preventDefault();
  if (event.repeat) return;
  held.add(code);
  send({ key: code, down: true });
};
field.onkeyup = (event) => {
  endPasting();
  const code = keys[event.code];
  if (!held.delete(code)) return;
  event.preventDefault();
  send({ key: code, down: false });
};
field.onblur = () => { endPasting(); for (const code of held) send({ key: code, down: false }); held.clear(); };

// Pointer and fingers.
const at = ({ offsetX, offsetY }) => ({
  x: (offsetX * canvas.width) / canvas.clientWidth, y: (offsetY * canvas.height) / canvas.clientHeight });
// By the bits of PointerEvent.buttons: a second button that is pressed or let go comes as a move.
const buttons = [0x110, 0x111, 0x112, 0x113, 0x114];
let pressed = 0;
const press = (now) => {
  buttons.forEach((button, bit) => {
    if ((now ^ pressed) & (1 << bit)) send({ button, down: (now & (1 << bit)) !== 0 }); });
  pressed = now;
};
const fingers = new Map();
const finger = (event, phase) => {
  if (phase === "down") {
    const free = [0, 1, 2, 3, 4, 5, 6, 7, 8, 9].find((each) => ![...fingers.values()].includes(each));
    if (free !== undefined) fingers.set(event.pointerId, free);
  }
  const touch = fingers.get(event.pointerId);
  if (touch === undefined) return;
  if (phase === "up" || phase === "cancel") fingers.delete(event.pointerId);
  send({ touch, phase, at: at(event) });
};
// A program may keep the pointer, which the browser lets a page do after a press, until Escape.
let wantsPointer = false, hasPointer = false;
const lockPointer = () => {
  if (wantsPointer && !hasPointer) Promise.resolve(canvas.requestPointerLock?.()).catch(() => {});
};
const keepPointer = (locked) => {
  wantsPointer = locked;
  if (!locked && hasPointer) document.exitPointerLock();
  else if (navigator.userActivation?.isActive === true) lockPointer();
};
document.onpointerlockchange = () => {
  const had = hasPointer;
  hasPointer = document.pointerLockElement === canvas;
  if (had && !hasPointer && wantsPointer) send({ unlock: true });
};
const isFinger = ({ pointerType }) => pointerType === "touch";
canvas.onpointermove = (event) => {
  if (isFinger(event)) return finger(event, "move");
  send(hasPointer ? { relative: { x: event.movementX, y: event.movementY } } : { move: at(event) });
  press(event.buttons); };
canvas.onpointerdown = (event) => {
  canvas.setPointerCapture(event.pointerId); field.focus(); giveCopied(); event.preventDefault();
  if (isFinger(event)) return finger(event, "down");
  lockPointer();
  if (!hasPointer) send({ move: at(event) });
  press(event.buttons); };
canvas.onpointerup = (event) => { if (isFinger(event)) finger(event, "up"); else press(event.buttons); };
canvas.onpointercancel = (event) => { if (isFinger(event)) finger(event, "cancel"); else press(0); };
canvas.oncontextmenu = (event) => event.preventDefault();
canvas.addEventListener("wheel", (event) => {
  const unit = event.deltaMode === 0 ? 1 : 15;
  send({ scroll: { x: event.deltaX * unit, y: event.deltaY * unit } }); event.preventDefault(); }, { passive: false });
clear();
field.focus();
`;

/** @param nonce  of this answer, which the policy of the page names */
export function displayPage(nonce: string): string {
  return `<!doctype html>
<html lang="en">
<meta charset="utf-8">
<meta name="viewport" content="width=device-width">
<title>Stratos</title>
<style nonce="${nonce}">
html, body { margin: 0; background: #2e3440; color: #eceff4; font: 16px sans-serif; }
canvas { display: block; margin: 0 auto; outline: none; touch-action: none; }
textarea { position: absolute; left: 0; top: 0; width: 1px; height: 1em; margin: 0; padding: 0; border: 0;
  outline: none; resize: none; overflow: hidden; opacity: 0; pointer-events: none; font: 16px sans-serif; }
p { position: fixed; inset: auto 0 0 0; margin: 1em; text-align: center; pointer-events: none; }
</style>
<canvas width="1280" height="800" role="img" aria-label="Windows of the program"></canvas>
<textarea inputmode="none" autocomplete="off" autocorrect="off" autocapitalize="none" spellcheck="false"
  aria-label="Keys for the windows of the program"></textarea>
<p role="status">Waiting for a window…</p>
<script nonce="${nonce}">${SCRIPT}</script>
</html>
`;
}
