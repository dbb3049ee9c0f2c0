/** The page that shows a display: one canvas, keyboard and pointer, over one WebSocket. */

/** Keys of a page (UI Events KeyboardEvent code) by numbers of Linux' input-event-codes.h. */
const KEYS: Readonly<Record<string, number>> = {
  Escape: 1,
  ...row(2, "Digit1 Digit2 Digit3 Digit4 Digit5 Digit6 Digit7 Digit8 Digit9 Digit0 Minus Equal Backspace Tab"),
  ...row(16, "KeyQ KeyW KeyE KeyR KeyT KeyY KeyU KeyI KeyO KeyP BracketLeft BracketRight Enter ControlLeft"),
  ...row(30, "KeyA KeyS KeyD KeyF KeyG KeyH KeyJ KeyK KeyL Semicolon Quote Backquote ShiftLeft Backslash"),
  ...row(44, "KeyZ KeyX KeyC KeyV KeyB KeyN KeyM Comma Period Slash ShiftRight NumpadMultiply AltLeft Space"),
  ...row(58, "CapsLock F1 F2 F3 F4 F5 F6 F7 F8 F9 F10 NumLock ScrollLock Numpad7 Numpad8 Numpad9 NumpadSubtract"),
  ...row(75, "Numpad4 Numpad5 Numpad6 NumpadAdd Numpad1 Numpad2 Numpad3 Numpad0 NumpadDecimal"),
  ...row(86, "IntlBackslash F11 F12 IntlRo"),
  ...row(96, "NumpadEnter ControlRight NumpadDivide PrintScreen AltRight"),
  ...row(102, "Home ArrowUp PageUp ArrowLeft ArrowRight End ArrowDown PageDown Insert Delete"),
  ...row(124, "IntlYen MetaLeft MetaRight ContextMenu"),
};

function row(first: number, codes: string): Record<string, number> {
  return Object.fromEntries(codes.split(" ").map((code, index) => [code, first + index]));
}

/**
 * A message of bytes is one frame: for each rectangle that changed u16 x, y, width, height, then its pixels as red,
 * green, blue, alpha. The page answers each with {"shown":true}. The token stands behind the address's #, which no
 * server is told and no log has.
 */
const SCRIPT = `
const canvas = document.querySelector("canvas"), words = document.querySelector("p");
const context = canvas.getContext("2d", { alpha: false });
const keys = ${JSON.stringify(KEYS)};
const held = new Set();
const socket = new WebSocket("ws://" + location.host + "/screen");
socket.binaryType = "arraybuffer";
const send = (message) => socket.readyState === 1 && socket.send(JSON.stringify(message));
socket.onopen = () => send({ token: location.hash.slice(1) });
socket.onclose = () => { words.textContent = "The program has ended, or this page may not see it."; };
socket.onmessage = ({ data }) => {
  if (typeof data === "string") { canvas.style.cursor = JSON.parse(data).cursor; return; }
  const view = new DataView(data);
  for (let at = 0; at < data.byteLength;) {
    const [x, y, width, height] = [0, 2, 4, 6].map((offset) => view.getUint16(at + offset, true));
    at += 8;
    context.putImageData(new ImageData(new Uint8ClampedArray(data, at, 4 * width * height), width, height), x, y);
    at += 4 * width * height;
  }
  words.textContent = "";
  if (document.hidden) setTimeout(() => send({ shown: true }), 1000);
  else requestAnimationFrame(() => send({ shown: true }));
};
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
canvas.onpointermove = (event) => { send({ move: at(event) }); press(event.buttons); };
canvas.onpointerdown = (event) => {
  canvas.setPointerCapture(event.pointerId); canvas.focus();
  send({ move: at(event) }); press(event.buttons); event.preventDefault(); };
canvas.onpointerup = (event) => press(event.buttons);
canvas.onpointercancel = () => press(0);
canvas.oncontextmenu = (event) => event.preventDefault();
canvas.addEventListener("wheel", (event) => {
  const unit = event.deltaMode === 0 ? 1 : 15;
  send({ scroll: { x: event.deltaX * unit, y: event.deltaY * unit } }); event.preventDefault(); }, { passive: false });
const key = (event, down) => {
  const code = keys[event.code];
  if (code === undefined) return;
  event.preventDefault();
  if (event.repeat) return;
  if (down) held.add(code); else held.delete(code);
  send({ key: code, down });
};
canvas.onkeydown = (event) => key(event, true);
canvas.onkeyup = (event) => key(event, false);
canvas.onblur = () => { for (const code of held) send({ key: code, down: false }); held.clear(); };
canvas.focus();
`;

/** @param nonce  of this answer, which the policy of the page names */
export function displayPage(size: { readonly width: number; readonly height: number }, nonce: string): string {
  return `<!doctype html>
<html lang="en">
<meta charset="utf-8">
<title>Stratos</title>
<style nonce="${nonce}">
html, body { margin: 0; background: #2e3440; color: #eceff4; font: 16px sans-serif; }
canvas { display: block; margin: 0 auto; outline: none; touch-action: none; }
p { position: fixed; inset: auto 0 0 0; margin: 1em; text-align: center; }
</style>
<canvas width="${size.width}" height="${size.height}" tabindex="0" role="application"
  aria-label="Windows of the program; keys go there"></canvas>
<p role="status">Waiting for a window…</p>
<script nonce="${nonce}">${SCRIPT}</script>
</html>
`;
}
