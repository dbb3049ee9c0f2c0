/**
 * Goal: windows of X11 programs are windows as others are, and what an X server says harms nobody. Method: a server
 * of the test's own, over both of its connections; pixels, and what it is asked for.
 */
import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { TestClient, TestFile, TestScreen, TestWindow } from "./testing/test-client.ts";
import { pair, ROOT, TestXServer, XFIXES_EVENT } from "./testing/test-x-server.ts";

const WINDOW = 0x400001;
const WM_NAME = 39,
  WM_NORMAL_HINTS = 40,
  WM_TRANSIENT_FOR = 68;
const BTN_LEFT = 0x110;
const MAP = 8,
  CONFIGURE = 12,
  SET_OWNER = 22,
  CONVERT = 24,
  SEND_EVENT = 25,
  SET_FOCUS = 42,
  KILL = 113;
const TITLE_PIXELS = 24;

interface Place {
  x: number;
  y: number;
  width: number;
  height: number;
}

function serverOn(screen = new TestScreen({ width: 200, height: 150 })): TestXServer {
  return new TestXServer(screen);
}

/** A window as a program maps it. */
function open(server: TestXServer, window = WINDOW, place: Place = { x: 0, y: 0, width: 40, height: 30 }): void {
  server.create(window, place);
  server.event(20, { 4: ROOT, 8: window });
  server.show(window, { width: place.width, height: place.height, pixel: 0xffabcdef }, window & 0xff);
}

const windowOf = (server: TestXServer): TestXServer["screen"]["compositor"]["windows"][number] =>
  server.screen.compositor.windows.at(-1)!;

describe("a window of X11", () => {
  it("is mapped in the middle below its title, and shown with its first buffer", () => {
    const server = serverOn();
    server.create(WINDOW, { x: 0, y: 0, width: 40, height: 30 });
    server.setText(WINDOW, "_NET_WM_NAME", "UTF8_STRING", "Tür");
    server.event(20, { 4: ROOT, 8: WINDOW });
    assert.deepEqual(
      server.take(MAP).map(({ words }) => words),
      [[WINDOW]],
    );
    assert.equal(server.screen.compositor.windows.length, 0);
    server.show(WINDOW, { width: 40, height: 30, pixel: 0xffabcdef }, 7);
    const { x, y, title } = windowOf(server);
    assert.deepEqual([x, y, title], [80, 60, "Tür"]);
    assert.equal(server.screen.pixel(x, y), "ffabcdef");
    assert.equal(server.screen.pixel(x + 39, y + 29), "ffabcdef");
    assert.equal(server.screen.pixel(x, y - 1), "ff4c566a");
    assert.equal(server.screen.pixel(x, y - TITLE_PIXELS - 1), "ff000000");
    // The server and the program are told where it is: menus are placed by that.
    assert.deepEqual(server.take(CONFIGURE)[0]!.words, [WINDOW, 0x1f, 80, 60, 40, 30, 0]);
    assert.deepEqual(server.take(SET_FOCUS).at(-1)!.words[0], WINDOW);
  });

  it("lies where it wants to, or over the one that it is for, and never with its title outside", () => {
    const server = serverOn();
    const POSITION = 1;
    server.setWords(WINDOW, WM_NORMAL_HINTS, 41, [POSITION]);
    open(server, WINDOW, { x: 10, y: 5, width: 100, height: 80 });
    assert.deepEqual([windowOf(server).x, windowOf(server).y], [10, TITLE_PIXELS]);
    const DIALOG = WINDOW + 1;
    server.setWords(DIALOG, WM_TRANSIENT_FOR, 33, [WINDOW]);
    open(server, DIALOG, { x: 0, y: 0, width: 20, height: 10 });
    assert.deepEqual([windowOf(server).x, windowOf(server).y], [50, TITLE_PIXELS + 35]);
  });

  it("is taken as a window, whichever of both connections speaks first", () => {
    const server = serverOn();
    server.create(WINDOW, { x: 0, y: 0, width: 8, height: 8 });
    server.event(20, { 4: ROOT, 8: WINDOW });
    server.message(WINDOW, "WL_SURFACE_SERIAL", [9, 0]);
    server.show(WINDOW + 5, { width: 8, height: 8, pixel: 0xff112233 }, 9);
    assert.equal(server.screen.compositor.windows.length, 1);
  });

  it("is moved by its title, resized by its edge in its own steps, and closed by its button", () => {
    const server = serverOn();
    const { compositor } = server.screen;
    const MIN_STEP_BASE = 16 | 64 | 256;
    const hints = [MIN_STEP_BASE, 0, 0, 0, 0, 20, 20, 0, 0, 10, 10, 0, 0, 0, 0, 4, 4];
    server.setWords(WINDOW, WM_NORMAL_HINTS, 41, hints);
    server.setWords(WINDOW, "WM_PROTOCOLS", 4, [server.atom("WM_DELETE_WINDOW")]);
    open(server);
    server.take(CONFIGURE);
    compositor.movePointer(85, 50);
    compositor.button(BTN_LEFT, true);
    compositor.movePointer(75, 55);
    compositor.button(BTN_LEFT, false);
    assert.deepEqual([windowOf(server).x, windowOf(server).y], [70, 65]);
    const placed = (): readonly number[] => server.take(CONFIGURE).findLast(({ words }) => words[1] === 0x1f)!.words;
    assert.deepEqual(placed(), [WINDOW, 0x1f, 70, 65, 40, 30, 0]);

    compositor.movePointer(112, 80);
    compositor.button(BTN_LEFT, true);
    compositor.movePointer(130, 80);
    compositor.button(BTN_LEFT, false);
    assert.deepEqual(placed(), [WINDOW, 0x1f, 70, 65, 54, 24, 0]);

    server.take(SEND_EVENT);
    compositor.movePointer(100, 50);
    compositor.button(BTN_LEFT, true);
    compositor.button(BTN_LEFT, false);
    const [told] = server.take(SEND_EVENT);
    assert.deepEqual(told!.words.slice(3, 6), [WINDOW, server.atom("WM_PROTOCOLS"), server.atom("WM_DELETE_WINDOW")]);
    assert.deepEqual(server.take(KILL), []);
  });

  it("whose program does not know of being closed is ended with it", () => {
    const server = serverOn();
    open(server);
    windowOf(server).close();
    assert.deepEqual(
      server.take(KILL).map(({ words }) => words),
      [[WINDOW]],
    );
  });

  it("has what it asks for when it asks, and the whole screen while it wants that", () => {
    const server = serverOn();
    open(server);
    server.take(CONFIGURE);
    const X_WIDTH = 1 | 4;
    server.event(23, { 4: ROOT, 8: WINDOW, 16: pair(3, 99), 20: pair(50, 99), 24: pair(0, X_WIDTH) });
    assert.deepEqual(server.take(CONFIGURE)[0]!.words, [WINDOW, 0x1f, 3, 60, 50, 30, 0]);
    server.message(WINDOW, "_NET_WM_STATE", [1, server.atom("_NET_WM_STATE_FULLSCREEN"), 0]);
    assert.deepEqual(server.take(CONFIGURE)[0]!.words, [WINDOW, 0x1f, 0, 0, 200, 150, 0]);
    server.event(23, { 4: ROOT, 8: WINDOW, 16: pair(3, 99), 20: pair(50, 99), 24: pair(0, X_WIDTH) });
    assert.deepEqual(server.take(CONFIGURE)[0]!.words, [WINDOW, 0x1f, 0, 0, 200, 150, 0]);
    server.message(WINDOW, "_NET_WM_STATE", [2, server.atom("_NET_WM_STATE_FULLSCREEN"), 0]);
    assert.deepEqual(server.take(CONFIGURE)[0]!.words, [WINDOW, 0x1f, 3, 60, 50, 30, 0]);
  });

  it("goes when it is unmapped, destroyed, or its server is gone", () => {
    for (const go of [
      (server: TestXServer) => server.event(18, { 4: ROOT, 8: WINDOW }),
      (server: TestXServer) => server.event(17, { 4: ROOT, 8: WINDOW }),
      (server: TestXServer) => server.end(),
      (server: TestXServer) => server.client.disconnect(),
    ]) {
      const server = serverOn();
      open(server);
      assert.equal(server.screen.compositor.windows.length, 1);
      go(server);
      server.screen.frame();
      assert.equal(server.screen.compositor.windows.length, 0);
      assert.equal(server.screen.pixel(85, 65), "ff000000");
      assert.deepEqual(server.screen.defects, []);
    }
  });

  it("that is a menu lies over all others, where it says, without title and keyboard", () => {
    const server = serverOn();
    const MENU = WINDOW + 1;
    open(server);
    server.create(MENU, { x: 90, y: 70, width: 10, height: 10 }, true);
    server.event(19, { 4: ROOT, 8: MENU }, { 12: 1 });
    server.show(MENU, { width: 10, height: 10, pixel: 0xff010203 }, 99);
    const own = new TestWindow(new TestClient(server.screen), { width: 64, height: 48, pixel: 0xff00ff00 });
    assert.equal(server.screen.pixel(90, 70), "ff010203");
    assert.equal(server.screen.pixel(99, 79), "ff010203");
    assert.equal(server.screen.compositor.windows.length, 2);
    server.configure(MENU, { x: 0, y: 0, width: 10, height: 10 });
    server.screen.frame();
    assert.equal(server.screen.pixel(0, 0), "ff010203");
    assert.equal(own.client.error, null);
  });

  it("gives the keyboard back when another program's window is on top", () => {
    const server = serverOn();
    open(server);
    server.take(SET_FOCUS);
    new TestWindow(new TestClient(server.screen), { width: 8, height: 8, pixel: 0xff00ff00 });
    assert.deepEqual(server.take(SET_FOCUS).at(-1)!.words[0], 0);
    server.message(WINDOW, "_NET_ACTIVE_WINDOW", [1, 0, 0]);
    assert.deepEqual(server.take(SET_FOCUS).at(-1)!.words[0], WINDOW);
  });

  it("has the newer of its names, without what no title can show", () => {
    const server = serverOn();
    open(server);
    server.setText(WINDOW, WM_NAME, "STRING", Uint8Array.of(0x41, 0xe4, 0x0a));
    server.event(28, { 4: WINDOW, 8: WM_NAME });
    assert.equal(windowOf(server).title, "Aä ");
    server.setText(WINDOW, "_NET_WM_NAME", "UTF8_STRING", "あ");
    server.event(28, { 4: WINDOW, 8: server.atom("_NET_WM_NAME") });
    server.event(28, { 4: WINDOW, 8: WM_NAME });
    assert.equal(windowOf(server).title, "あ");
  });
});

describe("only Xwayland", () => {
  it("finds the protocol that joins windows with surfaces", () => {
    const screen = new TestScreen();
    assert.equal(new TestClient(screen).globals.has("xwayland_shell_v1"), false);
    assert.equal(serverOn(screen).client.globals.has("xwayland_shell_v1"), true);
  });

  it("gets one window for a surface, by a number that it has not used", () => {
    const server = serverOn();
    const { client } = server;
    const surface = client.create("wl_surface", client.bind("wl_compositor"), "create_surface");
    const shell = client.bind("xwayland_shell_v1");
    const its = client.create("xwayland_surface_v1", shell, "get_xwayland_surface", surface);
    client.send(its, "set_serial", 0, 0);
    assert.equal(client.error, "xwayland_surface_v1: 1");
  });
});

describe("the clipboard", () => {
  /** An X11 program owns it, and can give text. */
  function own(server: TestXServer, time = 5): void {
    server.event(XFIXES_EVENT, { 4: ROOT, 8: WINDOW, 12: server.atom("CLIPBOARD"), 16: time, 20: time });
    const [asked] = server.take(CONVERT);
    server.setWords(asked!.words[0]!, "CLIPBOARD", 4, [server.atom("TARGETS"), server.atom("UTF8_STRING")]);
    answer(server, "TARGETS", true);
  }

  function answer(server: TestXServer, target: string, isThere: boolean): void {
    const property = isThere ? server.atom("CLIPBOARD") : 0;
    const words = { 8: 0, 12: server.atom("CLIPBOARD"), 16: server.atom(target), 20: property };
    server.event(31, words);
  }

  it("has what an X11 program copied, for others and for the page", () => {
    const server = serverOn();
    const { compositor } = server.screen;
    own(server);
    assert.equal(server.screen.copies, 1);
    let read: string | null | undefined;
    compositor.readCopied((text) => void (read = text));
    const [asked] = server.take(CONVERT);
    assert.equal(asked!.words[2], server.atom("UTF8_STRING"));
    server.setText(asked!.words[0]!, "CLIPBOARD", "UTF8_STRING", "grüß");
    answer(server, "UTF8_STRING", true);
    assert.equal(read, "grüß");
  });

  it("comes in pieces where the owner has much (INCR)", () => {
    const server = serverOn();
    own(server);
    let read: string | null = null;
    server.screen.compositor.readCopied((text) => void (read = text));
    const [asked] = server.take(CONVERT);
    const ours = asked!.words[0]!;
    server.setWords(ours, "CLIPBOARD", server.atom("INCR"), [6]);
    answer(server, "UTF8_STRING", true);
    for (const piece of ["one ", "two", ""]) {
      server.setText(ours, "CLIPBOARD", "UTF8_STRING", piece);
      server.event(28, { 4: ours, 8: server.atom("CLIPBOARD") });
    }
    assert.equal(read, "one two");
  });

  it("is empty for who pastes from an owner that does not answer, and the next is asked anew", () => {
    const server = serverOn();
    own(server);
    const { compositor } = server.screen;
    const read: (string | null)[] = [];
    compositor.readCopied((text) => void read.push(text));
    assert.equal(server.take(CONVERT).length, 1);
    compositor.readCopied(() => {});
    assert.equal(server.take(CONVERT).length, 0);
    server.screen.nowMs += 10_000;
    compositor.readCopied(() => {});
    assert.equal(server.take(CONVERT).length, 1);
    assert.deepEqual(read, [null]);
  });

  it("is ours towards X11 when the page or a program of Wayland has copied", () => {
    const server = serverOn();
    server.take(SET_OWNER);
    server.screen.compositor.copyText("naïve あ");
    const [owner] = server.take(SET_OWNER);
    assert.equal(owner!.words[1], server.atom("CLIPBOARD"));
    const ours = owner!.words[0]!;
    const ask = (target: string): void => {
      const words = { 4: 1, 8: ours, 12: WINDOW, 16: server.atom("CLIPBOARD"), 20: server.atom(target), 24: 77 };
      server.event(30, words);
    };
    ask("TARGETS");
    const CHANGE_PROPERTY = 18;
    const [targets] = server.take(CHANGE_PROPERTY).slice(-1);
    assert.ok(targets!.words.includes(server.atom("UTF8_STRING")), String(targets!.words));
    for (const [target, expected] of [
      ["UTF8_STRING", "naïve あ"],
      ["STRING", "na\xefve ?"],
    ] as const) {
      server.take(SEND_EVENT);
      ask(target);
      const [property] = server.take(CHANGE_PROPERTY).slice(-1);
      const bytes = property!.bytes.subarray(24, 24 + property!.words[4]!);
      const decoded = new TextDecoder(target === "STRING" ? "latin1" : "utf-8").decode(bytes);
      assert.deepEqual([property!.words[0], property!.words[1], decoded], [WINDOW, 77, expected]);
      // SelectionNotify: it is there.
      assert.equal(server.take(SEND_EVENT)[0]!.words.at(-1 - 2), 77);
    }
    ask("image/png");
    assert.equal(
      server
        .take(SEND_EVENT)
        .at(-1)!
        .words.at(-1 - 2),
      0,
    );
  });

  it("stays X11's when what it owns is no text", () => {
    const server = serverOn();
    own(server);
    server.take(SET_OWNER);
    server.event(XFIXES_EVENT, { 4: ROOT, 8: WINDOW, 12: server.atom("CLIPBOARD"), 16: 6, 20: 6 });
    const [asked] = server.take(CONVERT);
    server.setWords(asked!.words[0]!, "CLIPBOARD", 4, [server.atom("image/png")]);
    answer(server, "TARGETS", true);
    assert.deepEqual(server.take(SET_OWNER), []);
    let read: string | null | undefined;
    server.screen.compositor.readCopied((text) => void (read = text));
    assert.equal(read, null);
  });
});

describe("a server that breaks the protocol", () => {
  const cases: Readonly<Record<string, (server: TestXServer) => void>> = {
    "a reply of four gigabytes": (server) => server.event(1, { 4: 0xffffffff }),
    "an event of four gigabytes": (server) => server.event(35, { 4: 0x3fffffff }),
  };
  for (const [what, act] of Object.entries(cases))
    it(`by ${what} is disconnected`, () => {
      const server = serverOn();
      open(server);
      act(server);
      assert.deepEqual([server.isClosed, server.screen.compositor.windows.length], [true, 0]);
      assert.deepEqual(server.screen.defects, []);
    });

  it("or cannot redirect windows is disconnected", () => {
    assert.equal(new TestXServer(new TestScreen(), { hasComposite: false }).isClosed, true);
  });

  it("by more windows than can be kept has no more of them", () => {
    const server = serverOn();
    for (let index = 0; index < 5000; index++) server.create(WINDOW + index, { x: 0, y: 0, width: 1, height: 1 });
    server.take(MAP);
    server.event(20, { 4: ROOT, 8: WINDOW + 4999 });
    assert.deepEqual(server.take(MAP), []);
    server.event(20, { 4: ROOT, 8: WINDOW + 1 });
    assert.equal(server.take(MAP).length, 1);
  });
});

it("a program of Wayland pastes what an X11 program copied, into its own pipe", () => {
  const server = serverOn();
  const window = new TestWindow(new TestClient(server.screen), { width: 8, height: 8, pixel: 0xff00ff00 });
  const { client } = window;
  client.create("wl_data_device", client.bind("wl_data_device_manager"), "get_data_device", client.bind("wl_seat"));
  server.event(XFIXES_EVENT, { 4: ROOT, 8: WINDOW, 12: server.atom("CLIPBOARD"), 16: 1, 20: 1 });
  const [asked] = server.take(CONVERT);
  server.setWords(asked!.words[0]!, "CLIPBOARD", 4, [server.atom("STRING")]);
  server.event(31, { 12: server.atom("CLIPBOARD"), 16: server.atom("TARGETS"), 20: server.atom("CLIPBOARD") });
  const offer = client.take("wl_data_device.selection").at(-1)!.values[0] as number;
  const pipe = new TestFile(new Uint8Array(0));
  client.send(offer, "receive", "text/plain", pipe);
  server.setText(asked!.words[0]!, "CLIPBOARD", "STRING", Uint8Array.of(0x67, 0xfc));
  server.event(31, { 12: server.atom("CLIPBOARD"), 16: server.atom("STRING"), 20: server.atom("CLIPBOARD") });
  assert.equal(new TextDecoder().decode(pipe.bytes), "gü");
  assert.deepEqual(client.released, [pipe]);
});
