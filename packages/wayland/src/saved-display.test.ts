/**
 * Goal: a display goes on where it was saved, and nobody can tell: not a program by what it is told, not a person by
 * what is shown. Method: the same random messages with and without saving in between; each kind of object once; and
 * what was saved, damaged.
 */
import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { sampleCount } from "@stratos/base/testing";
import {
  allStateClasses,
  blankOf,
  crc32c,
  inOnePiece,
  SeededRandom,
  saveState,
  Sha256,
  StateError,
} from "@stratos/base";
import { slotsOf } from "./core/message.ts";
import { checkSaved, savedClassNames } from "./saved/saved-class.ts";
import type { Compositor } from "./compositor.ts";
import { type InterfaceName, INTERFACES } from "./protocol/protocol.ts";
import type { Monitor } from "./output/output.ts";
import type { ScreenWindow } from "./shell/screen-window.ts";
import { surviveMessages } from "./testing/fuzz-messages.ts";
import { surviveServers } from "./testing/fuzz-x-server.ts";
import { ROOT } from "./testing/test-x-server.ts";
import { TestClient, TestFile, TestScreen, TestWindow } from "./testing/test-client.ts";

const RED = 0xffff0000,
  GREEN = 0xff00ff00;

/** What programs are told and what is shown, while they send what comes to mind. */
function historyOf(seed: number, count: number, saves: boolean): string {
  const hash = new Sha256();
  const random = new SeededRandom(seed * 7 + 1);
  const screen = new TestScreen();
  screen.onSent = (key, bytes) => {
    hash.update(Uint8Array.of(key & 255, key >> 8));
    hash.update(bytes);
  };
  surviveMessages(
    seed,
    count,
    (_screen, clients) => {
      if (random.below(200) === 0) screen.compositor.setMonitors(someMonitors(random));
      if (random.below(40) !== 0) return;
      if (random.below(3) === 0 && saves) screen.goOn(clients);
      screen.frame();
      const { pixels } = screen.compositor.canvas;
      hash.update(new Uint8Array(pixels.buffer, pixels.byteOffset, pixels.byteLength));
    },
    screen,
  );
  return [...hash.digest()].join();
}

/** One to three beside one another, which come and go as they are numbered. */
function someMonitors(random: SeededRandom): Monitor[] {
  let x = 0;
  const monitors = Array.from({ length: 1 + random.below(3) }, (_, at): Monitor => {
    const size = { width: 20 + random.below(60), height: 20 + random.below(60) };
    const monitor = { id: 4 * at + random.below(4), x, y: 0, ...size, refreshHz: 60, scale: 1 + random.below(4) / 2 };
    x += size.width;
    return monitor;
  });
  return monitors;
}

/** As `historyOf`, of an X server that says what comes to mind. @returns that, and how many windows were saved */
function xHistoryOf(seed: number, count: number, saves: boolean): { history: string; windows: number } {
  const hash = new Sha256();
  const random = new SeededRandom(seed * 7 + 1);
  const screen = new TestScreen();
  let windows = 0;
  screen.onSent = (key, bytes) => {
    hash.update(Uint8Array.of(key & 255, key >> 8));
    hash.update(bytes);
  };
  surviveServers(
    seed,
    count,
    (clients, server) => {
      const { compositor } = screen;
      if (random.below(25) === 0 && !server.isClosed && !server.client.isClosed) {
        const window = 0x400010 + (random.below(1 << 16) << 4);
        server.create(window, { x: random.below(40), y: 25, width: 12, height: 9 }, random.below(4) === 0);
        server.event(20, { 4: ROOT, 8: window });
        server.setText(window, "_NET_WM_NAME", "UTF8_STRING", `window ${window}`);
        server.show(window, { width: 12, height: 9, pixel: 0xff000000 | window }, 1000 + (window >> 4));
      }
      // What X11 programs are asked by who pastes is not kept, and a server that never answers is not at rest.
      if (random.below(20) === 0 && !server.isClosed && compositor.isAtRest) {
        windows += compositor.windows.length - 1;
        if (saves) screen.goOn(clients, server);
      }
      for (const request of server.requests) hash.update(Uint8Array.from(request.words));
      screen.frame();
      const { pixels } = screen.compositor.canvas;
      hash.update(new Uint8Array(pixels.buffer, pixels.byteOffset, pixels.byteLength));
    },
    screen,
  );
  return { history: [...hash.digest()].join(), windows };
}

function saved(screen: TestScreen): Uint8Array {
  return inOnePiece(screen.compositor.saveInPieces());
}

/** Objects that nobody can have here: other globals make them. */
const ABSENT = ["wl_shell", "wl_shell_surface", "xwayland_shell_v1", "xwayland_surface_v1"];

/** A program that has one of each kind of object. @returns all of them by their kinds */
function withAll(screen: TestScreen): { client: TestClient; window: TestWindow; made: Map<string, number> } {
  const client = new TestClient(screen);
  const window = new TestWindow(client, { width: 20, height: 10, pixel: RED });
  const made = new Map<string, number>([
    ["wl_display", 1],
    ["wl_registry", 2],
  ]);
  const { objects } = client;
  const of = (type: InterfaceName): number => made.get(type)!;
  for (const name of client.globals.keys()) made.set(name, client.bind(name as InterfaceName));
  for (const [id, { name }] of objects) if (!made.has(name)) made.set(name, id);
  const create = (
    type: InterfaceName,
    by: InterfaceName,
    request: string,
    ...values: (number | TestFile)[]
  ): number => {
    const id = client.create(type, of(by), request, ...values);
    made.set(type, id);
    return id;
  };
  const surface = (): number => client.create("wl_surface", of("wl_compositor"), "create_surface");
  const { surface: shown, toplevel } = window;
  create("zxdg_output_v1", "zxdg_output_manager_v1", "get_xdg_output", of("wl_output"));
  create("wl_callback", "wl_surface", "frame");
  create("wl_region", "wl_compositor", "create_region");
  client.send(of("wl_region"), "add", 1, 2, 3, 4);
  create("wl_keyboard", "wl_seat", "get_keyboard");
  const pointer = create("wl_pointer", "wl_seat", "get_pointer");
  create("wl_touch", "wl_seat", "get_touch");
  const child = surface();
  create("wl_subsurface", "wl_subcompositor", "get_subsurface", child, shown);
  create("wp_viewport", "wp_viewporter", "get_viewport", child);
  create("wp_fractional_scale_v1", "wp_fractional_scale_manager_v1", "get_fractional_scale", child);
  made.set("wp_presentation_feedback", client.reserve("wp_presentation_feedback"));
  client.send(of("wp_presentation"), "feedback", child, of("wp_presentation_feedback"));
  create("wp_cursor_shape_device_v1", "wp_cursor_shape_manager_v1", "get_pointer", pointer);
  create("zwp_locked_pointer_v1", "zwp_pointer_constraints_v1", "lock_pointer", child, pointer, 0, 1);
  create("zwp_confined_pointer_v1", "zwp_pointer_constraints_v1", "confine_pointer", shown, pointer, 0, 2);
  create("zwp_relative_pointer_v1", "zwp_relative_pointer_manager_v1", "get_relative_pointer", pointer);
  create("zwp_idle_inhibitor_v1", "zwp_idle_inhibit_manager_v1", "create_inhibitor", shown);
  create("zwp_text_input_v3", "zwp_text_input_manager_v3", "get_text_input", of("wl_seat"));
  create("xdg_activation_token_v1", "xdg_activation_v1", "get_activation_token");
  create("wl_data_source", "wl_data_device_manager", "create_data_source");
  client.send(of("wl_data_source"), "offer", "text/plain");
  create("wl_data_device", "wl_data_device_manager", "get_data_device", of("wl_seat"));
  client.send(of("wl_data_device"), "set_selection", of("wl_data_source"), 0);
  create("zwp_primary_selection_source_v1", "zwp_primary_selection_device_manager_v1", "create_source");
  create("zwp_primary_selection_device_v1", "zwp_primary_selection_device_manager_v1", "get_device", of("wl_seat"));
  client.send(of("zwp_primary_selection_device_v1"), "set_selection", of("zwp_primary_selection_source_v1"), 0);
  create("xdg_positioner", "xdg_wm_base", "create_positioner");
  client.send(of("xdg_positioner"), "set_size", 5, 5);
  client.send(of("xdg_positioner"), "set_anchor_rect", 0, 0, 1, 1);
  const menu = client.create("xdg_surface", of("xdg_wm_base"), "get_xdg_surface", surface());
  made.set("xdg_popup", client.create("xdg_popup", menu, "get_popup", window.xdgSurface, of("xdg_positioner")));
  const other = new TestWindow(client, null);
  made.set(
    "zxdg_toplevel_decoration_v1",
    client.create(
      "zxdg_toplevel_decoration_v1",
      of("zxdg_decoration_manager_v1"),
      "get_toplevel_decoration",
      other.toplevel,
    ),
  );
  client.send(toplevel, "set_title", "all of them");
  for (const [id, { name }] of objects) if (!made.has(name)) made.set(name, id);
  assert.equal(client.error, null, JSON.stringify(client.events.at(-1)));
  return { client, window, made };
}

const SEEDS = sampleCount(6, 0.5);

describe("a display that goes on", () => {
  it("does as one that was never saved, whatever programs send", () => {
    for (let seed = 1; seed <= SEEDS; seed++)
      assert.equal(historyOf(seed, 1200, true), historyOf(seed, 1200, false), `seed ${seed}`);
  });

  it("does as one that was never saved, whatever an X server says", () => {
    let windows = 0;
    for (let seed = 1; seed <= SEEDS; seed++) {
      const kept = xHistoryOf(seed, 600, true);
      assert.equal(kept.history, xHistoryOf(seed, 600, false).history, `seed ${seed}`);
      windows += kept.windows;
    }
    assert.ok(windows > 3 * SEEDS, String(windows));
  });

  it("has each kind of object that programs can have, and each of its requests is handled as before", () => {
    const screen = new TestScreen();
    const { client, made } = withAll(screen);
    const all = [...INTERFACES.keys()].filter((name) => !ABSENT.includes(name));
    assert.deepEqual([...made.keys()].sort(), all.sort());
    const bytes = screen.goOn([client]);
    assert.equal(client.error, null);
    // Another time it is the same: nothing is lost or added.
    assert.deepEqual(saved(screen), bytes);
    for (const [name, id] of made) {
      const destroy = INTERFACES.get(name)!.requests.find(({ isDestructor }) => isDestructor === true);
      const isAlone = destroy !== undefined && slotsOf(destroy.signature).length === 0;
      if (isAlone && !/wl_surface|xdg_surface|xdg_wm_base/.test(name)) client.send(id, destroy.name);
      assert.equal(client.error, null, name);
    }
    assert.deepEqual(screen.defects, []);
  });

  it("shows what was shown, from memory that it shares with programs still, and tells them of frames and keys", () => {
    const screen = new TestScreen();
    const window = new TestWindow(new TestClient(screen), { width: 64, height: 48, pixel: RED });
    const { client, surface } = window;
    const keyboard = client.create("wl_keyboard", client.bind("wl_seat"), "get_keyboard");
    screen.compositor.key(42, true);
    // KEY_CAPSLOCK stays what it was when it is let go.
    for (const isDown of [true, false]) screen.compositor.key(58, isDown);
    const { file } = window.draw({ width: 64, height: 48, pixel: RED });
    client.create("wl_callback", surface, "frame");
    client.send(surface, "commit");
    client.take("wl_callback.done");
    screen.goOn([client]);
    screen.frame();
    assert.equal(screen.pixel(3, 4), "ffff0000");
    assert.equal(client.take("wl_callback.done").length, 1);
    file.bytes = new Uint8Array(new Uint32Array(64 * 48).fill(GREEN).buffer);
    const [buffer] = [...client.objects].findLast(([, { name }]) => name === "wl_buffer")!;
    client.send(surface, "attach", buffer, 0, 0);
    client.send(surface, "damage_buffer", 0, 0, 64, 48);
    client.send(surface, "commit");
    screen.frame();
    assert.equal(screen.pixel(3, 4), "ff00ff00");
    client.events = [];
    const next = new TestWindow(new TestClient(screen), null).client;
    next.create("wl_keyboard", next.bind("wl_seat"), "get_keyboard");
    new TestWindow(next, { width: 4, height: 4, pixel: RED });
    assert.equal(next.take("wl_keyboard.modifiers").at(-1)!.values[3], 2, "caps lock is on");
    next.disconnect();
    client.events = [];
    screen.compositor.letGo();
    assert.deepEqual(
      client.take("wl_keyboard.key").map(({ object, values }) => [object, values.slice(2)]),
      [[keyboard, [42, 0]]],
    );
  });

  it("gives a buffer back when none of its uses is left, of those before and after", () => {
    const screen = new TestScreen();
    const window = new TestWindow(new TestClient(screen), { width: 20, height: 10, pixel: RED });
    const { client, surface } = window;
    client.take("wl_buffer.release");
    const { buffer } = window.draw({ width: 20, height: 10, pixel: GREEN });
    client.send(surface, "attach", buffer, 0, 0);
    screen.goOn([client]);
    screen.frame();
    assert.equal(screen.pixel(30, 20), "ff00ff00");
    assert.deepEqual(client.take("wl_buffer.release"), [], "it is attached still");
    client.send(surface, "commit");
    screen.frame();
    assert.equal(client.take("wl_buffer.release").length, 1);
  });

  it("lets programs without a kept connection go, and tells one whose keyboard it is now", () => {
    const screen = new TestScreen();
    const one = new TestWindow(new TestClient(screen), { width: 20, height: 10, pixel: RED });
    const { connection } = new TestWindow(new TestClient(screen), { width: 20, height: 10, pixel: GREEN }).client;
    Object.assign(connection, { key: null });
    screen.goOn([one.client]);
    screen.frame();
    assert.equal(screen.compositor.windows.length, 1);
    assert.equal(one.client.error, null);
    one.client.disconnect();
    assert.equal(screen.compositor.windows.length, 0);
    assert.deepEqual(screen.defects, []);
  });

  it("has text of the host's to paste, and a keyboard of another layout where that was chosen", () => {
    const screen = new TestScreen();
    const { client } = new TestWindow(new TestClient(screen), { width: 20, height: 10, pixel: RED });
    client.create("wl_keyboard", client.bind("wl_seat"), "get_keyboard");
    const manager = client.bind("wl_data_device_manager");
    client.create("wl_data_device", manager, "get_data_device", client.bind("wl_seat"));
    screen.compositor.copyText("kept");
    const offer = client.take("wl_data_device.selection").at(-1)!.values[0] as number;
    screen.compositor.setLayout("de");
    client.events = [];
    screen.goOn([client]);
    assert.equal(client.take("wl_keyboard.keymap").length, 1);
    const pipe = new TestFile(new Uint8Array(0));
    client.send(offer, "receive", "text/plain", pipe);
    assert.equal(Buffer.from(pipe.bytes).toString(), "kept");
  });
});

it("each class of a display says of each of its fields what that may be", () => {
  const names = savedClassNames();
  const classes = allStateClasses().filter(({ name }) => names.has(name));
  assert.ok(classes.length > 25, String(classes.length));
  for (const entry of classes)
    try {
      checkSaved([blankOf(entry)]);
    } catch (error) {
      // A blank holds nothing that is possible; what its fields are called is as in all others.
      assert.equal((error as StateError).kind, "damaged", (error as Error).message);
    }
});

describe("what is loaded", () => {
  const kindOf = (work: () => unknown): string => {
    try {
      work();
      return "loaded";
    } catch (error) {
      assert.ok(error instanceof StateError, String(error));
      return error.kind;
    }
  };

  it("is refused where a field is not as it has to be, by its name", () => {
    const refusalOf = (spoil: (window: ScreenWindow) => object): string => {
      const screen = new TestScreen();
      const { client } = withAll(screen);
      spoil(screen.compositor.windows.at(-1)!);
      const bytes = saved(screen);
      try {
        new TestScreen().load(bytes, [client]);
        return "loaded";
      } catch (error) {
        return (error as Error).message;
      }
    };
    assert.match(
      refusalOf(({ surface }) => Object.assign(surface, { scale: -1 })),
      /wayland\.Surface: its scale/,
    );
    assert.match(
      refusalOf(({ surface }) => Object.assign(surface, { stack: [] })),
      /sub-surfaces/,
    );
    assert.match(
      refusalOf(({ surface }) => Object.assign(surface, { parent: surface })),
      /surfaces within each other/,
    );
    assert.match(
      refusalOf((window) => Object.assign(window, { title: 5 })),
      /wayland\.Toplevel: its title/,
    );
    assert.match(
      refusalOf((window) => Object.assign(window, { x: Number.NaN })),
      /wayland\.Toplevel: its x/,
    );
    assert.match(
      refusalOf(({ surface }) => Object.assign(surface.resource, { id: 77 })),
      /another program's/,
    );
  });

  it("breaks nothing, whatever bytes of it are others", () => {
    const screen = new TestScreen();
    const { client } = withAll(screen);
    screen.frame();
    const bytes = saved(screen);
    const random = new SeededRandom(Number(process.env["STRATOS_SEED"] ?? 11));
    const found: Record<string, number> = {};
    for (let tries = 0; tries < 600; tries++) {
      const changed = bytes.slice();
      for (let left = random.below(4) === 0 ? 3 : 1; left > 0; left--)
        // Values stand at the end, behind names and kinds of objects.
        changed[changed.length - 1 - random.below(changed.length >> 2)] = random.below(
          random.below(2) === 0 ? 16 : 256,
        );
      new DataView(changed.buffer).setUint32(12, crc32c(changed, 16), true);
      const other = new TestScreen();
      // Others are to have its files after it.
      const connection = { ...client.connection, release: () => {}, close: () => {} };
      let end: ReturnType<Compositor["connect"]> | undefined;
      const kind = kindOf(() => void (end = other.compositor.goOn(changed, [connection]).get(connection)));
      found[kind] = (found[kind] ?? 0) + 1;
      if (kind !== "loaded") continue;
      other.frame();
      other.compositor.movePointer(5, 5);
      other.compositor.letGo();
      other.frame();
      end?.onEnd();
      other.frame();
    }
    assert.ok(found["loaded"]! > 10 && found["damaged"]! > 100, JSON.stringify(found));
  });

  it("is refused when it is cut, changed, of another version, or something else", () => {
    const screen = new TestScreen();
    const { client } = withAll(screen);
    const bytes = saved(screen);
    const load = (changed: Uint8Array): string => kindOf(() => new TestScreen().load(changed, [client]));
    assert.equal(load(bytes.subarray(0, bytes.length - 1)), "damaged");
    assert.equal(load(new Uint8Array(0)), "foreign");
    assert.equal(load(saveState({ format: 1 }, new Map())), "foreign");
    assert.equal(load(saveState({ format: 2 }, new Map())), "foreign", "with one monitor, before there were several");
    assert.equal(load(saveState({ format: 3 }, new Map())), "foreign", "before things could be dragged");
    assert.equal(load(saveState({ format: 4 }, new Map())), "damaged");
    assert.equal(load(saveState([], new Map())), "foreign");
    assert.equal(
      kindOf(() => new TestScreen().load(bytes, [])),
      "foreign",
      "a connection that is not there",
    );
  });
});
