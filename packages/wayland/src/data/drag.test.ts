/**
 * Goal: things can be dragged from a window to another, and nobody can spoil it for others. Method: two programs on the
 * wire, the person's pointer and keys between them, and requests in the orders that a hostile program chooses.
 */
import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { TestClient, TestFile, TestScreen, TestWindow } from "../testing/test-client.ts";

const LEFT = 0x110,
  KEY_ESC = 1,
  KEY_CONTROL = 29,
  KEY_SHIFT = 42;
const COPY = 1,
  MOVE = 2,
  ASK = 4;

class Program {
  readonly client: TestClient;
  readonly window: TestWindow;
  readonly manager: number;
  readonly device: number;

  constructor(screen: TestScreen, size: { width: number; height: number }, version = 3) {
    this.client = new TestClient(screen);
    this.window = new TestWindow(this.client, { ...size, pixel: 0xff0000ff });
    const seat = this.client.bind("wl_seat");
    this.client.create("wl_pointer", seat, "get_pointer");
    this.manager = this.client.bind("wl_data_device_manager", version);
    this.device = this.client.create("wl_data_device", this.manager, "get_data_device", seat);
  }

  source(actions = COPY | MOVE | ASK): number {
    const source = this.client.create("wl_data_source", this.manager, "create_data_source");
    for (const type of ["text/uri-list", "text/plain"]) this.client.send(source, "offer", type);
    this.client.send(source, "set_actions", actions);
    return source;
  }

  drag(source: number, icon = 0): void {
    this.client.send(this.device, "start_drag", source, this.window.surface, icon, 1);
  }

  /** What it was told of since the last time, in order, without what is no part of dragging. */
  told(): string[] {
    const events = this.client.events.splice(0);
    return events
      .filter(({ name }) => /^wl_(data|pointer\.(enter|leave))/.test(name))
      .map(({ name, values }) => {
        const said = /motion|enter/.test(name)
          ? values.slice(name.endsWith("enter") ? 2 : 1).slice(0, 2)
          : /action|target|offer\.offer|send/.test(name)
            ? values.slice(0, 1)
            : [];
        return [name.replace(/^wl_data_/, ""), ...said].join(" ");
      });
  }
}

/** A window that fills the screen, and a smaller one on it in which something is dragged: its button is down. */
function opened({ version = 3, actions = COPY | MOVE | ASK } = {}): {
  screen: TestScreen;
  from: Program;
  to: Program;
  source: number;
} {
  const screen = new TestScreen();
  const to = new Program(screen, { width: 64, height: 48 }, version);
  const from = new Program(screen, { width: 20, height: 10 });
  const { x, y } = screen.compositor.windows.at(-1)!;
  screen.compositor.movePointer(x + 2, y + 2);
  screen.compositor.button(LEFT, true);
  const source = from.source(actions);
  from.drag(source);
  from.told();
  to.told();
  return { screen, from, to, source };
}

/** The offer that it was told last. */
function offerOf(to: Program): number {
  const types = [...to.client.objects].filter(([, { name }]) => name === "wl_data_offer");
  return types.at(-1)![0];
}

function welcome(to: Program, actions = COPY | MOVE, preferred = MOVE): number {
  const offer = offerOf(to);
  to.client.send(offer, "accept", 1, "text/plain");
  to.client.send(offer, "set_actions", actions, preferred);
  return offer;
}

describe("what is dragged", () => {
  it("is offered to who lies below the pointer, handed over when it is let go there, and done at the end", () => {
    const { screen, from, to, source } = opened();
    screen.compositor.movePointer(3, 4);
    assert.deepEqual(to.told(), [
      "device.data_offer",
      "offer.offer text/uri-list",
      "offer.offer text/plain",
      "offer.source_actions 7",
      "device.enter 3 4",
    ]);
    screen.compositor.movePointer(5, 4);
    const offer = welcome(to);
    assert.deepEqual(to.told(), ["device.motion 5 4", "offer.action 2"]);
    assert.deepEqual(from.told(), ["source.target text/plain", "source.action 2"]);
    screen.compositor.button(LEFT, false);
    assert.deepEqual(to.told(), ["device.drop", "wl_pointer.enter 5 4"]);
    assert.deepEqual(from.told(), ["source.dnd_drop_performed"]);
    const pipe = new TestFile(new Uint8Array(0));
    to.client.send(offer, "receive", "text/plain", pipe);
    const [sent] = from.client.take("wl_data_source.send");
    assert.deepEqual([sent!.object, ...sent!.values], [source, "text/plain", pipe]);
    assert.deepEqual(to.client.released, [pipe]);
    to.client.send(offer, "finish");
    assert.deepEqual(from.told(), ["source.dnd_finished"]);
    to.client.send(offer, "destroy");
    assert.deepEqual([from.told(), to.client.error, from.client.error, screen.defects], [[], null, null, []]);
  });

  it("is cancelled over nobody, over who did not accept it, where no action is common, and by Escape", () => {
    const refusals: ((screen: TestScreen, to: Program) => void)[] = [
      (screen) => screen.compositor.button(LEFT, false),
      (screen, to) => {
        to.client.send(offerOf(to), "set_actions", COPY, COPY);
        screen.compositor.button(LEFT, false);
      },
      (screen, to) => {
        welcome(to, ASK, ASK);
        screen.compositor.button(LEFT, false);
      },
      (screen, to) => {
        welcome(to);
        screen.compositor.key(KEY_ESC, true);
        screen.compositor.key(KEY_ESC, false);
        screen.compositor.button(LEFT, false);
      },
    ];
    for (const refuse of refusals) {
      const { screen, from, to } = opened({ actions: COPY | MOVE });
      screen.compositor.movePointer(3, 4);
      to.told();
      refuse(screen, to);
      assert.equal(from.told().at(-1), "source.cancelled");
      const told = to.told();
      assert.ok(told.includes("device.leave") && !told.includes("device.drop"), told.join());
      assert.deepEqual([screen.defects, from.client.error, to.client.error], [[], null, null]);
    }
  });

  it("is copied, moved or asked for as keys say, else as the program below likes it", () => {
    const { screen, from, to } = opened();
    screen.compositor.movePointer(3, 4);
    welcome(to, COPY | MOVE | ASK, ASK);
    to.told();
    screen.compositor.key(KEY_CONTROL, true);
    screen.compositor.key(KEY_CONTROL, false);
    screen.compositor.key(KEY_SHIFT, true);
    assert.deepEqual(to.told(), ["offer.action 1", "offer.action 4", "offer.action 2"]);
    screen.compositor.key(KEY_SHIFT, false);
    from.told();
    screen.compositor.button(LEFT, false);
    to.told();
    // The person was asked by the program, and it says what came of that.
    const offer = offerOf(to);
    to.client.send(offer, "set_actions", COPY | MOVE, MOVE);
    to.client.send(offer, "finish");
    assert.deepEqual(to.told(), []);
    assert.deepEqual(from.told(), ["source.dnd_drop_performed", "source.action 2", "source.dnd_finished"]);
  });

  it("is left and met again with an offer of its own; what the old one says counts for nothing", () => {
    const { screen, from, to } = opened();
    const { x, y } = screen.compositor.windows.at(-1)!;
    screen.compositor.movePointer(3, 4);
    const old = welcome(to);
    from.told();
    to.told();
    screen.compositor.movePointer(x + 1, y + 1);
    assert.deepEqual(to.told(), ["device.leave"]);
    assert.ok(from.told().join().includes("source.target ,source.action 0"));
    to.client.send(old, "accept", 1, "text/plain");
    const pipe = new TestFile(new Uint8Array(0));
    to.client.send(old, "receive", "text/plain", pipe);
    to.client.send(old, "finish");
    assert.deepEqual([from.told(), to.client.released, to.client.error], [[], [pipe], null]);
    screen.compositor.movePointer(3, 4);
    assert.notEqual(offerOf(to), old);
  });

  it("goes to programs that know of no actions, which copy, and from such ones", () => {
    const { screen, from, to } = opened({ version: 1 });
    screen.compositor.movePointer(3, 4);
    assert.ok(!to.told().join().includes("actions"));
    const offer = offerOf(to);
    to.client.send(offer, "accept", 1, "text/plain");
    screen.compositor.button(LEFT, false);
    assert.ok(to.told().includes("device.drop"));
    from.told();
    to.client.send(offer, "destroy");
    assert.deepEqual(from.told(), ["source.dnd_finished"]);
  });

  it("without a source is its program's alone", () => {
    const screen = new TestScreen();
    const other = new Program(screen, { width: 64, height: 48 });
    const from = new Program(screen, { width: 20, height: 10 });
    const { x, y } = screen.compositor.windows.at(-1)!;
    screen.compositor.movePointer(x + 2, y + 2);
    screen.compositor.button(LEFT, true);
    from.drag(0);
    other.told();
    from.told();
    screen.compositor.movePointer(x + 3, y + 2);
    screen.compositor.movePointer(1, 1);
    assert.deepEqual(from.told(), ["device.enter 3 2", "device.leave"]);
    assert.deepEqual(other.told(), []);
    screen.compositor.button(LEFT, false);
    assert.deepEqual([other.told(), screen.defects], [["wl_pointer.enter 1 1"], []]);
  });

  it("has a picture at the pointer, moved as its program says, that takes no presses", () => {
    const screen = new TestScreen();
    const from = new Program(screen, { width: 64, height: 48 });
    screen.compositor.movePointer(10, 10);
    screen.compositor.button(LEFT, true);
    const icon = from.client.create("wl_surface", from.window.compositor, "create_surface");
    from.drag(from.source(), icon);
    const small = new TestWindow(from.client, null);
    const { buffer } = small.draw({ width: 4, height: 4, pixel: 0xffffff00 });
    from.client.send(small.toplevel, "destroy");
    from.client.send(icon, "attach", buffer, 0, 0);
    from.client.send(icon, "offset", -2, 1);
    from.client.send(icon, "commit");
    screen.frame();
    assert.deepEqual(
      [screen.pixel(8, 11), screen.pixel(10, 10), screen.pixel(12, 11)],
      ["ffffff00", "ff0000ff", "ff0000ff"],
    );
    screen.compositor.movePointer(30, 20);
    screen.frame();
    assert.deepEqual([screen.pixel(28, 21), screen.pixel(8, 11)], ["ffffff00", "ff0000ff"]);
    assert.deepEqual(from.told().slice(-1), ["device.enter 30 20"]);
    screen.compositor.button(LEFT, false);
    screen.frame();
    assert.equal(screen.pixel(28, 21), "ff0000ff");
  });

  it("by a finger is as by the pointer", () => {
    const screen = new TestScreen();
    const to = new Program(screen, { width: 64, height: 48 });
    const from = new Program(screen, { width: 20, height: 10 });
    from.client.create("wl_touch", from.client.bind("wl_seat"), "get_touch");
    const { x, y } = screen.compositor.windows.at(-1)!;
    screen.compositor.touch(5, "down", x + 2, y + 2);
    from.drag(from.source());
    screen.compositor.touch(5, "move", 3, 4);
    welcome(to);
    screen.compositor.touch(5, "up", 0, 0);
    assert.ok(to.told().includes("device.drop"));
  });

  it("ends with its program, its source, or its target, and the other hears of it", () => {
    const ends: ((of: ReturnType<typeof opened>) => void)[] = [
      ({ from }) => from.client.disconnect(),
      ({ from, source }) => from.client.send(source, "destroy"),
      ({ to }) => to.client.disconnect(),
      ({ to }) => to.client.send(offerOf(to), "destroy"),
      ({ from }) => from.client.send(from.device, "release"),
    ];
    for (const [number, end] of ends.entries()) {
      const all = opened();
      const { screen, from, to } = all;
      screen.compositor.movePointer(3, 4);
      const offer = welcome(to);
      from.told();
      to.told();
      end(all);
      screen.compositor.movePointer(4, 4);
      screen.compositor.button(LEFT, false);
      if (number !== 2) assert.ok(to.told().includes("device.leave"), `end ${number}`);
      if (number === 2 || number === 3) assert.equal(from.told().at(-1), "source.cancelled", `end ${number}`);
      if (number === 0) to.client.send(offer, "finish");
      screen.frame();
      assert.deepEqual([screen.defects, to.client.error, from.client.error], [[], null, null], `end ${number}`);
    }
  });

  it("that is dropped and never finished is cancelled", () => {
    const { screen, from, to } = opened();
    screen.compositor.movePointer(3, 4);
    const offer = welcome(to);
    screen.compositor.button(LEFT, false);
    from.told();
    to.client.send(offer, "destroy");
    assert.deepEqual(from.told(), ["source.cancelled"]);
  });

  it("goes on where the display was saved, over a window and after the drop", () => {
    const { screen, from, to } = opened();
    screen.compositor.movePointer(3, 4);
    const offer = welcome(to);
    const clients = [to.client, from.client];
    screen.goOn(clients);
    screen.compositor.movePointer(5, 4);
    assert.equal(to.told().at(-1), "device.motion 5 4");
    screen.compositor.button(LEFT, false);
    screen.goOn(clients);
    from.told();
    to.client.send(offer, "finish");
    assert.deepEqual(from.told(), ["source.dnd_finished"]);
  });
});

describe("a program that wants what is not its to do", () => {
  it("drags nothing without a press on its window", () => {
    const { screen, from, to, source } = opened();
    const other = to.source();
    to.drag(other);
    assert.deepEqual(to.told(), ["source.cancelled"]);
    screen.compositor.button(LEFT, false);
    from.told();
    from.drag(from.source());
    assert.deepEqual([from.told(), from.client.error], [["source.cancelled"], null]);
    from.drag(source);
    assert.equal(from.client.error, "wl_data_device: 1");
  });

  it("is told what it did wrong", () => {
    const wrongs: [string, (of: ReturnType<typeof opened>) => Program][] = [
      ["wl_data_source: 0", ({ from }) => (from.source(8), from)],
      ["wl_data_source: 1", ({ from, source }) => (from.client.send(source, "set_actions", COPY), from)],
      ["wl_data_source: 1", ({ from, source }) => (from.client.send(from.device, "set_selection", source, 1), from)],
      ["wl_data_device: 0", ({ from }) => (from.drag(0, from.window.surface), from)],
      ["wl_data_offer: 1", ({ to }) => (to.client.send(offerOf(to), "set_actions", 8, 0), to)],
      ["wl_data_offer: 2", ({ to }) => (to.client.send(offerOf(to), "set_actions", 3, 3), to)],
      ["wl_data_offer: 0", ({ to }) => (to.client.send(welcome(to), "finish"), to)],
      [
        "wl_data_offer: 0",
        ({ screen, to }) => {
          const offer = welcome(to, ASK, ASK);
          screen.compositor.button(LEFT, false);
          to.client.send(offer, "finish");
          return to;
        },
      ],
      [
        "wl_data_offer: 3",
        ({ screen, to }) => {
          const offer = welcome(to);
          screen.compositor.button(LEFT, false);
          to.client.send(offer, "finish");
          to.client.send(offer, "receive", "text/plain", new TestFile(new Uint8Array(0)));
          assert.equal(to.client.released.length, 1);
          return to;
        },
      ],
    ];
    for (const [error, work] of wrongs) {
      const all = opened();
      all.screen.compositor.movePointer(3, 4);
      assert.equal(work(all).client.error, error);
      assert.deepEqual(all.screen.defects, []);
    }
  });
});
