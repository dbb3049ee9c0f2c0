/**
 * Goal: programs' windows appear as they drew them, and each program's mistakes are its own. Method: clients that speak
 * the wire's bytes, and the pixels of the screen.
 */
import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { solidBuffer, TestClient, TestFile, TestScreen, TestWindow } from "./testing/test-client.ts";

const RED = 0xffff0000,
  GREEN = 0xff00ff00;

function open(screen: TestScreen, size = { width: 20, height: 10, pixel: RED }): TestWindow {
  return new TestWindow(new TestClient(screen), size);
}

/** Where the last window begins. */
function placeOf(screen: TestScreen): { x: number; y: number } {
  const { x, y } = screen.compositor.windows.at(-1)!;
  return { x, y };
}

describe("a window", () => {
  it("appears in the middle, with the pixels that its program drew", () => {
    const screen = new TestScreen();
    const { client } = open(screen);
    assert.deepEqual(placeOf(screen), { x: 22, y: 19 });
    assert.deepEqual([screen.pixel(22, 19), screen.pixel(41, 28)], ["ffff0000", "ffff0000"]);
    assert.deepEqual([screen.pixel(21, 19), screen.pixel(42, 28), screen.pixel(22, 29)], Array(3).fill("ff000000"));
    assert.equal(client.take("wl_buffer.release").length, 1);
    assert.equal(client.error, null);
  });

  it("is told its first size before it draws, and a buffer before that is an error", () => {
    const screen = new TestScreen();
    const window = new TestWindow(new TestClient(screen), null);
    assert.equal(window.client.take("xdg_toplevel.configure").length, 1);
    assert.equal(screen.compositor.windows.length, 0);
    const hasty = new TestClient(screen);
    const surface = hasty.create("wl_surface", hasty.bind("wl_compositor"), "create_surface");
    const xdgSurface = hasty.create("xdg_surface", hasty.bind("xdg_wm_base"), "get_xdg_surface", surface);
    hasty.create("xdg_toplevel", xdgSurface, "get_toplevel");
    const { buffer } = solidBuffer(hasty, hasty.bind("wl_shm"), { width: 4, height: 4, pixel: RED });
    hasty.send(surface, "attach", buffer, 0, 0);
    hasty.send(surface, "commit");
    assert.equal(hasty.error, "xdg_surface: 3");
    assert.ok(hasty.isClosed);
  });

  it("goes with its program, which leaves the picture of before for who asks", () => {
    const screen = new TestScreen();
    const { client } = open(screen);
    client.disconnect();
    screen.frame();
    assert.equal(screen.compositor.windows.length, 0);
    assert.equal(screen.pixel(22, 19), "ff000000");
    assert.equal(screen.compositor.lastPicture![19 * 64 + 22], RED);
  });

  it("that was drawn and not shown yet is in that picture", () => {
    const screen = new TestScreen();
    const window = new TestWindow(new TestClient(screen), null);
    window.draw({ width: 20, height: 10, pixel: GREEN });
    window.client.disconnect();
    assert.equal(screen.compositor.lastPicture![19 * 64 + 22], GREEN);
  });

  it("is drawn over others, and translucent where its alpha says so", () => {
    const screen = new TestScreen();
    open(screen, { width: 64, height: 48, pixel: RED });
    open(screen, { width: 10, height: 10, pixel: 0x80008000 });
    const { x, y } = placeOf(screen);
    assert.equal(screen.pixel(x, y), "ff7f8000");
    assert.equal(screen.pixel(0, 0), "ffff0000");
  });

  it("of a format without alpha is opaque, whatever the fourth byte is", () => {
    const screen = new TestScreen();
    const window = new TestWindow(new TestClient(screen), null);
    window.draw({ width: 64, height: 48, pixel: 0x0000ff00, format: 1 });
    screen.frame();
    assert.equal(screen.pixel(5, 5), "ff00ff00");
  });

  it("shows what was damaged, and keeps the rest as it was", () => {
    const screen = new TestScreen();
    const window = open(screen, { width: 64, height: 48, pixel: RED });
    const { client, surface, shm } = window;
    const { buffer } = solidBuffer(client, shm, { width: 64, height: 48, pixel: GREEN });
    client.send(surface, "attach", buffer, 0, 0);
    client.send(surface, "damage", 8, 8, 4, 4);
    client.send(surface, "commit");
    screen.frame();
    assert.deepEqual([screen.pixel(8, 8), screen.pixel(11, 11)], ["ff00ff00", "ff00ff00"]);
    assert.deepEqual([screen.pixel(7, 8), screen.pixel(12, 11)], ["ffff0000", "ffff0000"]);
  });

  it("that fills the screen is told the screen's size", () => {
    const screen = new TestScreen();
    const { client, toplevel } = open(screen);
    client.take("xdg_toplevel.configure");
    client.send(toplevel, "set_maximized");
    const [event] = client.take("xdg_toplevel.configure");
    assert.deepEqual(event!.values.slice(0, 2), [64, 48]);
    assert.ok(new Uint32Array((event!.values[2] as Uint8Array).slice().buffer).includes(1));
    assert.deepEqual(placeOf(screen), { x: 0, y: 0 });
  });
});

describe("frames", () => {
  it("are told to who waits for one, when it is shown, and only of what is shown", () => {
    const screen = new TestScreen();
    const { client, surface } = open(screen);
    const hidden = client.create("wl_surface", client.bind("wl_compositor"), "create_surface");
    for (const each of [surface, hidden]) {
      client.create("wl_callback", each, "frame");
      client.send(each, "commit");
    }
    assert.deepEqual(client.take("wl_callback.done"), []);
    assert.ok(screen.isFrameWanted);
    screen.frame();
    assert.equal(client.take("wl_callback.done").length, 1);
  });

  it("that many commits ask for cost one copy", () => {
    const screen = new TestScreen();
    const window = open(screen);
    for (let count = 0; count < 100; count++) window.draw({ width: 20, height: 10, pixel: RED });
    let reads = 0;
    const { file } = window.draw({ width: 20, height: 10, pixel: GREEN });
    const read = file.read.bind(file);
    file.read = (into, offset) => (reads++, read(into, offset));
    screen.frame();
    assert.equal(reads, 1);
    assert.equal(screen.pixel(22, 19), "ff00ff00");
    // The first was released when it was shown.
    assert.equal(window.client.take("wl_buffer.release").length, 102);
  });

  it("are told with the time and number of their presentation", () => {
    const screen = new TestScreen();
    const { client, surface } = open(screen);
    const feedback = client.reserve("wp_presentation_feedback");
    client.send(client.bind("wp_presentation"), "feedback", surface, feedback);
    client.send(surface, "commit");
    screen.frame();
    const [event] = client.take("wp_presentation_feedback.presented");
    // Seconds, nanoseconds, and nanoseconds between two frames.
    assert.deepEqual(event!.values.slice(0, 4), [0, 1, 32_000_000, 16_666_667]);
  });
});

describe("sub-surfaces", () => {
  function withChild(screen: TestScreen): { window: TestWindow; child: number; subsurface: number } {
    const window = open(screen, { width: 64, height: 48, pixel: RED });
    const { client, compositor, surface } = window;
    const child = client.create("wl_surface", compositor, "create_surface");
    const subcompositor = client.bind("wl_subcompositor");
    const subsurface = client.create("wl_subsurface", subcompositor, "get_subsurface", child, surface);
    return { window, child, subsurface };
  }

  function draw({ client, shm }: TestWindow, surface: number, pixel: number): void {
    const { buffer } = solidBuffer(client, shm, { width: 4, height: 4, pixel });
    client.send(surface, "attach", buffer, 0, 0);
    client.send(surface, "damage", 0, 0, 4, 4);
    client.send(surface, "commit");
  }

  it("change with their parent's commit, all at once", () => {
    const screen = new TestScreen();
    const { window, child, subsurface } = withChild(screen);
    window.client.send(subsurface, "set_position", 10, 10);
    draw(window, child, GREEN);
    screen.frame();
    assert.equal(screen.pixel(10, 10), "ffff0000");
    window.client.send(window.surface, "commit");
    screen.frame();
    assert.deepEqual(
      [screen.pixel(10, 10), screen.pixel(13, 13), screen.pixel(14, 14)],
      ["ff00ff00", "ff00ff00", "ffff0000"],
    );
  });

  it("within sub-surfaces do, too", () => {
    const screen = new TestScreen();
    const { window, child, subsurface } = withChild(screen);
    const { client, compositor, surface } = window;
    const inner = client.create("wl_surface", compositor, "create_surface");
    const subcompositor = client.bind("wl_subcompositor");
    const innerSubsurface = client.create("wl_subsurface", subcompositor, "get_subsurface", inner, child);
    client.send(subsurface, "set_position", 10, 10);
    draw(window, child, GREEN);
    draw(window, inner, 0xff0000ff);
    client.send(surface, "commit");
    screen.frame();
    assert.equal(screen.pixel(10, 10), "ff0000ff");
    // One that is desynchronized still waits for what its parent waits for.
    client.send(innerSubsurface, "set_desync");
    draw(window, inner, 0xffffffff);
    screen.frame();
    assert.equal(screen.pixel(10, 10), "ff0000ff");
    client.send(child, "commit");
    screen.frame();
    assert.equal(screen.pixel(10, 10), "ff0000ff");
    client.send(surface, "commit");
    screen.frame();
    assert.equal(screen.pixel(10, 10), "ffffffff");
  });

  it("that are desynchronized change by themselves, and lie below where they were placed", () => {
    const screen = new TestScreen();
    const { window, child, subsurface } = withChild(screen);
    const { client, surface } = window;
    draw(window, child, GREEN);
    client.send(surface, "commit");
    client.send(subsurface, "set_desync");
    draw(window, child, 0xff0000ff);
    screen.frame();
    assert.equal(screen.pixel(0, 0), "ff0000ff");
    client.send(subsurface, "place_below", surface);
    screen.frame();
    assert.equal(screen.pixel(0, 0), "ff0000ff");
    client.send(surface, "commit");
    screen.frame();
    assert.equal(screen.pixel(0, 0), "ffff0000");
  });

  it("cannot lie within themselves", () => {
    const screen = new TestScreen();
    const { window, child } = withChild(screen);
    window.client.create("wl_subsurface", window.client.bind("wl_subcompositor"), "get_subsurface", child, child);
    assert.equal(window.client.error, "wl_subcompositor: 1");
  });

  it("lie 32 deep in one another at most, built from the top or from the bottom", () => {
    for (const isFromTop of [true, false]) {
      const client = new TestClient(new TestScreen());
      const compositor = client.bind("wl_compositor");
      const subcompositor = client.bind("wl_subcompositor");
      const chain = Array.from({ length: 34 }, () => client.create("wl_surface", compositor, "create_surface"));
      const pairs = chain.slice(1).map((surface, at) => [surface, chain[at]!] as const);
      if (!isFromTop) pairs.reverse();
      const last = pairs.pop()!;
      for (const [surface, parent] of pairs)
        client.create("wl_subsurface", subcompositor, "get_subsurface", surface, parent);
      assert.equal(client.error, null);
      client.create("wl_subsurface", subcompositor, "get_subsurface", ...last);
      assert.equal(client.error, "wl_display: 2");
    }
  });
});

describe("buffers", () => {
  /** Pixels of a 2 × 3 buffer are 1 to 6. */
  function numbered(screen: TestScreen, change: (window: TestWindow) => void): string[] {
    const window = new TestWindow(new TestClient(screen), null);
    const { client, shm, surface, xdgSurface } = window;
    const pixels = Uint32Array.from({ length: 6 }, (_, index) => 0xff000001 + index);
    const file = new TestFile(new Uint8Array(pixels.buffer));
    const pool = client.create("wl_shm_pool", shm, "create_pool", file, 24);
    const buffer = client.create("wl_buffer", pool, "create_buffer", 0, 2, 3, 8, 0);
    client.send(xdgSurface, "set_window_geometry", 0, 0, 64, 48);
    client.send(surface, "attach", buffer, 0, 0);
    client.send(surface, "damage_buffer", 0, 0, 2, 3);
    change(window);
    client.send(surface, "commit");
    screen.frame();
    assert.equal(client.error, null);
    const rows: string[] = [];
    for (let y = 0; y < 6; y++) {
      let row = "";
      for (let x = 0; x < 6; x++) row += screen.pixel(x, y).slice(-1);
      rows.push(row.replace(/0+$/, ""));
    }
    return rows.filter((row) => row !== "");
  }

  it("are turned as wl_output.transform says", () => {
    const expected = [
      ["12", "34", "56"],
      // Turned counter-clockwise it was what the program drew: so it is turned clockwise.
      ["531", "642"],
      ["65", "43", "21"],
      ["246", "135"],
      ["21", "43", "65"],
      ["135", "246"],
      ["56", "34", "12"],
      ["642", "531"],
    ];
    const screens = expected.map((_, transform) =>
      numbered(new TestScreen(), ({ client, surface }) => client.send(surface, "set_buffer_transform", transform)),
    );
    assert.deepEqual(screens, expected);
  });

  it("with a scale or a viewport are stretched and cut", () => {
    const viewport = ({ client, surface }: TestWindow): number =>
      client.create("wp_viewport", client.bind("wp_viewporter"), "get_viewport", surface);
    assert.deepEqual(
      numbered(new TestScreen(), (window) => window.client.send(viewport(window), "set_destination", 4, 6)),
      ["1122", "1122", "3344", "3344", "5566", "5566"],
    );
    assert.deepEqual(
      numbered(new TestScreen(), (window) => window.client.send(viewport(window), "set_source", 1, 1, 1, 2)),
      ["4", "6"],
    );
  });

  it("whose memory is gone end their program, and nobody else", () => {
    const screen = new TestScreen();
    const bystander = open(screen, { width: 8, height: 8, pixel: GREEN });
    const window = open(screen);
    const { file } = window.draw({ width: 20, height: 10, pixel: RED });
    file.bytes = new Uint8Array(100);
    screen.frame();
    assert.equal(window.client.error, "wl_shm: 2");
    assert.equal(screen.compositor.windows.length, 1);
    assert.equal(bystander.client.error, null);
    assert.deepEqual(screen.defects, []);
  });

  it("beyond their pool, or of a pool beyond its file, are errors", () => {
    const screen = new TestScreen();
    const attempts: [TestFile, number, readonly [number, number, number, number, number], string][] = [
      [new TestFile(new Uint8Array(100)), 101, [0, 1, 1, 4, 0], "wl_shm: 2"],
      [new TestFile(new Uint8Array(100)), 100, [0, 5, 6, 20, 0], "wl_shm_pool: 1"],
      [new TestFile(new Uint8Array(100)), 100, [-4, 1, 1, 4, 0], "wl_shm_pool: 1"],
      [new TestFile(new Uint8Array(100)), 100, [0, 2, 2, 4, 0], "wl_shm_pool: 1"],
      [new TestFile(new Uint8Array(100)), 100, [0, 0x7fffffff, 0x7fffffff, 0x7fffffff, 0], "wl_shm_pool: 1"],
      [new TestFile(new Uint8Array(100)), 100, [0, 1, 1, 4, 0x34324742], "wl_shm_pool: 0"],
    ];
    for (const [file, size, [offset, width, height, stride, format], error] of attempts) {
      const client = new TestClient(screen);
      const pool = client.create("wl_shm_pool", client.bind("wl_shm"), "create_pool", file, size);
      if (!client.isClosed) client.create("wl_buffer", pool, "create_buffer", offset, width, height, stride, format);
      assert.equal(client.error, error);
    }
  });

  it("give their file back once pool, buffers and surfaces are done with it", () => {
    const screen = new TestScreen();
    const { client, shm } = open(screen);
    const { buffer, file, pool } = solidBuffer(client, shm, { width: 4, height: 4, pixel: RED });
    client.send(pool, "destroy");
    assert.equal(client.released.includes(file), false);
    client.send(buffer, "destroy");
    assert.ok(client.released.includes(file));
  });
});

describe("input", () => {
  it("goes to the window below the pointer, in its coordinates, and keys to the one on top", () => {
    const screen = new TestScreen();
    const one = open(screen);
    const other = open(screen, { width: 6, height: 6, pixel: GREEN });
    for (const { client } of [one, other]) {
      const seat = client.bind("wl_seat");
      client.create("wl_pointer", seat, "get_pointer");
      client.create("wl_keyboard", seat, "get_keyboard");
    }
    assert.equal(one.client.take("wl_keyboard.enter").length, 0);
    assert.equal(other.client.take("wl_keyboard.enter").length, 1);
    const { compositor } = screen;
    compositor.movePointer(23, 20);
    const [entered] = one.client.take("wl_pointer.enter");
    assert.deepEqual(entered!.values.slice(1), [one.surface, 1, 1]);
    compositor.button(0x110, true);
    assert.equal(one.client.take("wl_pointer.button").length, 1);
    // A press brings the window to the top.
    compositor.key(30, true);
    assert.deepEqual(
      one.client.take("wl_keyboard.key").map(({ values }) => values.slice(2)),
      [[30, 1]],
    );
    assert.equal(other.client.take("wl_keyboard.key").length, 0);
    assert.equal(other.client.take("wl_keyboard.leave").length, 1);
  });

  it("tells which modifiers are held", () => {
    const screen = new TestScreen();
    const { client } = open(screen);
    client.create("wl_keyboard", client.bind("wl_seat"), "get_keyboard");
    client.take("wl_keyboard.modifiers");
    const { compositor } = screen;
    compositor.key(42, true);
    compositor.key(58, true);
    compositor.key(58, false);
    compositor.key(42, false);
    const held = client.take("wl_keyboard.modifiers").map(({ values }) => [values[1], values[3]]);
    assert.deepEqual(held, [
      [1, 0],
      [1, 2],
      [1, 2],
      [0, 2],
    ]);
  });

  it("moves a window by its title, as long as the button is held", () => {
    const screen = new TestScreen();
    const { client, toplevel } = open(screen);
    const seat = client.bind("wl_seat");
    client.create("wl_pointer", seat, "get_pointer");
    const { compositor } = screen;
    compositor.movePointer(30, 20);
    // Nothing is pressed: a program cannot move windows by itself.
    client.send(toplevel, "move", seat, 1);
    compositor.movePointer(31, 20);
    assert.deepEqual(placeOf(screen), { x: 22, y: 19 });
    compositor.button(0x110, true);
    client.send(toplevel, "move", seat, 1);
    compositor.movePointer(36, 25);
    compositor.button(0x110, false);
    compositor.movePointer(0, 0);
    assert.deepEqual(placeOf(screen), { x: 27, y: 24 });
  });

  it("what one program copies another pastes, through the pipe that it made", () => {
    const screen = new TestScreen();
    const one = open(screen);
    const source = one.client.create("wl_data_source", one.client.bind("wl_data_device_manager"), "create_data_source");
    one.client.send(source, "offer", "text/plain");
    const device = (client: TestClient): number =>
      client.create("wl_data_device", client.bind("wl_data_device_manager"), "get_data_device", client.bind("wl_seat"));
    one.client.send(device(one.client), "set_selection", source, 1);
    const other = open(screen);
    device(other.client);
    const [offer] = other.client.take("wl_data_device.data_offer");
    assert.deepEqual(
      other.client.take("wl_data_offer.offer").map(({ values }) => values),
      [["text/plain"]],
    );
    const pipe = new TestFile(new Uint8Array(0));
    other.client.send(offer!.values[0] as number, "receive", "text/plain", pipe);
    assert.equal(one.client.take("wl_data_source.send").length, 1);
    assert.ok(one.client.files.includes(pipe));
    assert.ok(other.client.released.includes(pipe));
  });
});

describe("popups", () => {
  function popup(window: TestWindow, x: number, adjustment: number): TestClient {
    const { client, compositor, xdgSurface } = window;
    const wmBase = client.bind("xdg_wm_base");
    const positioner = client.create("xdg_positioner", wmBase, "create_positioner");
    client.send(positioner, "set_size", 10, 4);
    client.send(positioner, "set_anchor_rect", x, 0, 1, 1);
    client.send(positioner, "set_anchor", 8);
    client.send(positioner, "set_gravity", 8);
    client.send(positioner, "set_constraint_adjustment", adjustment);
    const surface = client.create("wl_surface", compositor, "create_surface");
    const popupSurface = client.create("xdg_surface", wmBase, "get_xdg_surface", surface);
    client.create("xdg_popup", popupSurface, "get_popup", xdgSurface, positioner);
    client.send(surface, "commit");
    return client;
  }

  it("lie where their positioner says, and give way at the edge as it allows", () => {
    const places = ([x, adjustment]: readonly [number, number]): unknown => {
      const client = popup(open(new TestScreen(), { width: 64, height: 48, pixel: RED }), x, adjustment);
      return client.take("xdg_popup.configure")[0]!.values;
    };
    assert.deepEqual(
      (
        [
          [5, 0],
          [60, 0],
          [60, 1],
          [60, 4],
          [60, 16],
        ] as const
      ).map(places),
      // As asked; beyond the edge; slid; flipped; cut.
      [
        [6, 1, 10, 4],
        [61, 1, 10, 4],
        [54, 1, 10, 4],
        [50, 1, 10, 4],
        [61, 1, 3, 4],
      ],
    );
  });

  it("cannot do without a parent, or a size", () => {
    const { client, compositor, xdgSurface } = open(new TestScreen());
    const wmBase = client.bind("xdg_wm_base");
    const positioner = client.create("xdg_positioner", wmBase, "create_positioner");
    const surface = client.create("wl_surface", compositor, "create_surface");
    const popupSurface = client.create("xdg_surface", wmBase, "get_xdg_surface", surface);
    client.create("xdg_popup", popupSurface, "get_popup", xdgSurface, positioner);
    assert.equal(client.error, "xdg_wm_base: 5");
  });
});

describe("a client that breaks the protocol", () => {
  const wrong: Record<string, (client: TestClient) => void> = {
    "wl_display: 0": (client) => client.write(new Uint8Array(Uint32Array.of(77, 8 << 16).buffer)),
    "wl_display: 1": (client) => client.write(new Uint8Array(Uint32Array.of(1, 4 << 16).buffer)),
    "wl_registry: 0": (client) => client.send(2, "bind", 99, "wl_seat", 1, 50),
  };
  for (const [error, act] of Object.entries(wrong))
    it(`is told ${error} and disconnected, and others are not`, () => {
      const screen = new TestScreen();
      const bystander = open(screen);
      const client = new TestClient(screen);
      act(client);
      assert.equal(client.error, error);
      assert.ok(client.isClosed);
      bystander.draw({ width: 20, height: 10, pixel: GREEN });
      screen.frame();
      assert.equal(screen.pixel(22, 19), "ff00ff00");
    });

  it("by a request of a later version, or too many bytes, too", () => {
    const screen = new TestScreen();
    const early = new TestClient(screen);
    const surface = early.create("wl_surface", early.bind("wl_compositor", 3), "create_surface");
    early.send(surface, "damage_buffer", 0, 0, 1, 1);
    assert.equal(early.error, "wl_display: 1");
    const long = new TestClient(screen);
    long.write(new Uint8Array(Uint32Array.of(1, 5000 << 16).buffer));
    assert.equal(long.error, "wl_display: 1");
  });

  it("by windows larger than it may have", () => {
    const screen = new TestScreen();
    const window = open(screen);
    const { client, shm, surface } = window;
    const file = new TestFile(new Uint8Array(0));
    Object.defineProperty(file, "sizeBytes", { value: 2 ** 31 - 1 });
    const pool = client.create("wl_shm_pool", shm, "create_pool", file, 2 ** 31 - 1);
    const buffer = client.create("wl_buffer", pool, "create_buffer", 0, 16384, 16384, 4 * 16384, 0);
    client.send(surface, "attach", buffer, 0, 0);
    client.send(surface, "commit");
    screen.frame();
    assert.equal(client.error, "wl_display: 2");
  });

  it("by windows that are more than all programs together may have, until others are gone", () => {
    const size = { width: 64, height: 48, pixel: RED };
    const screen = new TestScreen({ pixelBytesMax: 2 * 4 * 64 * 48 });
    const large = (): TestClient => open(screen, size).client;
    const [first, second, third] = [large(), large(), large()];
    assert.deepEqual([first.error, second.error, third.error], [null, null, "wl_display: 2"]);
    first.disconnect();
    assert.equal(large().error, null);
    assert.equal(second.error, null);
    assert.deepEqual(screen.defects, []);
  });
});

it("messages that come in pieces are put together", () => {
  const screen = new TestScreen();
  const client = new TestClient(screen);
  const sync = new Uint8Array(Uint32Array.of(1, 12 << 16, 60).buffer);
  client.know(60, "wl_callback");
  for (const byte of sync) client.write(Uint8Array.of(byte));
  assert.equal(client.take("wl_callback.done").length, 1);
});

it("events that a client's version does not know are not sent", () => {
  const client = new TestClient(new TestScreen());
  client.bind("wl_output", 1);
  assert.equal(client.take("wl_output.geometry").length, 1);
  for (const name of ["scale", "done", "name"]) assert.deepEqual(client.take(`wl_output.${name}`), []);
});
