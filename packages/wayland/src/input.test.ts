/**
 * Goal: fingers and composed text reach the program that they are for, and nobody else. Method: clients that speak the
 * wire's bytes, and a person who touches and types.
 */
import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { TestClient, TestFile, TestScreen, TestWindow } from "./testing/test-client.ts";

const SIZE = { width: 20, height: 10, pixel: 0xff00ff00 };

/** With a window in the middle of the screen: from (22, 19) on. */
function opened(screen = new TestScreen()): {
  screen: TestScreen;
  window: TestWindow;
  client: TestClient;
  seat: number;
} {
  const client = new TestClient(screen);
  const window = new TestWindow(client, SIZE);
  const seat = client.bind("wl_seat");
  return { screen, window, client, seat };
}

const valuesOf = (client: TestClient, name: string): unknown[][] => client.take(name).map(({ values }) => [...values]);

describe("a finger", () => {
  it("stays with the surface that it came down on, in its coordinates", () => {
    const { screen, window, client, seat } = opened();
    client.create("wl_touch", seat, "get_touch");
    const { compositor } = screen;
    compositor.touch(0, "down", 25, 20);
    compositor.touch(1, "down", 30, 22);
    compositor.touch(0, "move", 1, 2);
    compositor.touch(0, "up", 0, 0);
    compositor.touch(0, "move", 9, 9);
    const [first, second] = valuesOf(client, "wl_touch.down");
    assert.deepEqual(first!.slice(2), [window.surface, 0, 3, 1]);
    assert.deepEqual(second!.slice(2), [window.surface, 1, 8, 3]);
    assert.deepEqual(
      valuesOf(client, "wl_touch.motion").map((values) => values.slice(1)),
      [[0, -21, -17]],
    );
    assert.deepEqual(
      valuesOf(client, "wl_touch.up").map((values) => values[2]),
      [0],
    );
    assert.equal(client.take("wl_touch.frame").length, 4);
  });

  it("raises the window that it comes down on, and closes menus of others", () => {
    const screen = new TestScreen();
    const below = opened(screen);
    const above = new TestWindow(new TestClient(screen), { width: 4, height: 4, pixel: 0xff0000ff });
    below.client.create("wl_touch", below.seat, "get_touch");
    const { x, y } = screen.compositor.windows[0]!;
    screen.compositor.touch(0, "down", x, y);
    assert.deepEqual([screen.compositor.windows.at(-1)!.x, above.client.error], [x, null]);
  });

  it("is a pointer for a program that takes none, one finger at a time", () => {
    const { screen, client, seat } = opened();
    client.create("wl_pointer", seat, "get_pointer");
    screen.compositor.touch(4, "down", 25, 20);
    screen.compositor.touch(5, "down", 26, 20);
    screen.compositor.touch(4, "move", 27, 21);
    screen.compositor.touch(5, "up", 0, 0);
    screen.compositor.touch(4, "up", 0, 0);
    assert.deepEqual(
      valuesOf(client, "wl_pointer.button").map((values) => values.slice(2)),
      [
        [0x110, 1],
        [0x110, 0],
      ],
    );
    assert.deepEqual(client.take("wl_pointer.motion")[0]!.values.slice(1), [5, 2]);
  });

  it("moves a window whose program asks for it, which then feels no finger any more", () => {
    const { screen, window, client, seat } = opened();
    client.create("wl_touch", seat, "get_touch");
    screen.compositor.touch(0, "down", 25, 20);
    client.send(window.toplevel, "move", seat, 1);
    assert.equal(client.take("wl_touch.cancel").length, 1);
    screen.compositor.touch(0, "move", 30, 26);
    screen.compositor.touch(0, "up", 0, 0);
    screen.compositor.touch(0, "move", 1, 1);
    assert.deepEqual([screen.compositor.windows[0]!.x, screen.compositor.windows[0]!.y], [27, 25]);
    assert.deepEqual(client.take("wl_touch.motion"), []);
  });

  it("is forgotten with its surface, and cancelled when the page is gone", () => {
    const { screen, window, client, seat } = opened();
    client.create("wl_touch", seat, "get_touch");
    screen.compositor.touch(0, "down", 25, 20);
    screen.compositor.touch(0, "cancel", 0, 0);
    assert.equal(client.take("wl_touch.cancel").length, 1);
    screen.compositor.touch(0, "down", 25, 20);
    for (const object of [window.toplevel, window.xdgSurface, window.surface]) client.send(object, "destroy");
    screen.compositor.touch(0, "move", 26, 20);
    assert.deepEqual([client.take("wl_touch.motion"), screen.defects], [[], []]);
  });
});

describe("composed text", () => {
  function textInput({ client, seat }: { client: TestClient; seat: number }): number {
    return client.create("zwp_text_input_v3", client.bind("zwp_text_input_manager_v3"), "get_text_input", seat);
  }

  function wmBaseOf(client: TestClient): number {
    return [...client.objects].find(([, { name }]) => name === "xdg_wm_base")![0];
  }

  /** It has read all that it was told. */
  function answer(client: TestClient): void {
    for (const { object, values } of client.take("xdg_wm_base.ping")) client.send(object, "pong", values[0] as number);
  }

  function enable(client: TestClient, input: number): void {
    client.send(input, "enable");
    client.send(input, "set_cursor_rectangle", 5, 2, 1, 8);
    client.send(input, "commit");
  }

  it("is shown while it is composed, and comes at once when it is there for good", () => {
    const { screen, window, client, seat } = opened();
    const input = textInput({ client, seat });
    assert.deepEqual(valuesOf(client, "zwp_text_input_v3.enter"), [[window.surface]]);
    assert.deepEqual([screen.compositor.composeText("k"), screen.compositor.textPlace], [false, null]);
    enable(client, input);
    assert.deepEqual(screen.compositor.textPlace, { x: 27, y: 21, width: 1, height: 8 });
    assert.equal(screen.compositor.composeText("か"), true);
    assert.deepEqual(valuesOf(client, "zwp_text_input_v3.preedit_string"), [["か", 3, 3]]);
    // The program has not read that yet: what comes meanwhile comes as one, when it has, or says nothing for a while.
    assert.equal(screen.compositor.commitText("漢"), true);
    assert.equal(screen.compositor.commitText(""), true);
    assert.equal(screen.compositor.composeText("じ"), true);
    assert.deepEqual(valuesOf(client, "zwp_text_input_v3.commit_string"), []);
    answer(client);
    assert.deepEqual(valuesOf(client, "zwp_text_input_v3.commit_string"), [["漢"]]);
    assert.deepEqual(valuesOf(client, "zwp_text_input_v3.preedit_string"), [["じ", 3, 3]]);
    assert.deepEqual(valuesOf(client, "zwp_text_input_v3.done"), [[1], [1]]);
    screen.compositor.commitText("");
    for (const from = screen.nowMs; screen.nowMs < from + 4000; screen.frame())
      if (client.events.some(({ name }) => name === "zwp_text_input_v3.done")) break;
      else assert.equal(screen.isFrameWanted, true);
    assert.deepEqual(valuesOf(client, "zwp_text_input_v3.preedit_string"), [[null, 0, 0]]);
    assert.deepEqual(valuesOf(client, "zwp_text_input_v3.done"), [[1]]);
  });

  it("is read by a program that passes over what does not count its last commit, which comes late", () => {
    const { screen, client, seat } = opened();
    client.create("wl_keyboard", seat, "get_keyboard");
    const input = textInput({ client, seat });
    enable(client, input);
    /** Reads as foot does: commit_string waits until a `done` that is right, and each text moves the cursor. */
    let commits = 1,
      pending = "",
      read = "";
    const moveCursor = (): void => {
      commits++;
      client.send(input, "set_cursor_rectangle", 5 + commits, 2, 1, 8);
      client.send(input, "commit");
    };
    const readEvents = (): void => {
      const pings: number[] = [];
      for (const { name, values } of client.events.splice(0)) {
        if (name === "zwp_text_input_v3.commit_string") pending = values[0] as string;
        if (name === "wl_keyboard.key" && values[3] === 1) read += "_";
        if (name === "xdg_wm_base.ping") pings.push(values[0] as number);
        if (name !== "zwp_text_input_v3.done" || values[0] !== commits) continue;
        read += pending;
        pending = "";
      }
      const wmBase = wmBaseOf(client);
      for (const serial of pings) client.send(wmBase, "pong", serial);
    };
    // It draws what was typed while the next one is on its way.
    for (const letter of "äöü") {
      screen.compositor.commitText(letter);
      screen.compositor.key(30, true);
      screen.compositor.key(30, false);
      moveCursor();
      if (letter === "ö") moveCursor();
      readEvents();
    }
    for (let turns = 0; turns < 20; turns++) readEvents();
    assert.equal(read, "ä_ö_ü_");
    assert.deepEqual([client.error, screen.defects], [null, []]);
  });

  it("stands among keys where it was typed, however late its program reads", () => {
    const { screen, client, seat } = opened();
    client.create("wl_keyboard", seat, "get_keyboard");
    const input = textInput({ client, seat });
    enable(client, input);
    for (const letter of "äöü") {
      screen.compositor.commitText(letter);
      for (const isDown of [true, false]) screen.compositor.key(30, isDown);
    }
    screen.compositor.composeText("か");
    let read = "";
    for (let turn = 0; turn < 10; turn++) {
      for (const { object, name, values } of client.events.splice(0)) {
        if (name === "zwp_text_input_v3.commit_string") read += values[0] as string;
        if (name === "zwp_text_input_v3.preedit_string") read += `(${values[0] as string})`;
        if (name === "wl_keyboard.key" && values[3] === 1) read += "_";
        if (name === "xdg_wm_base.ping") client.send(object, "pong", values[0] as number);
      }
    }
    assert.equal(read, "ä_ö_ü_(か)");
  });

  it("is not told for ever to a program that answers all by a commit", () => {
    const { screen, client, seat } = opened();
    const input = textInput({ client, seat });
    enable(client, input);
    screen.compositor.commitText("ä");
    for (let count = 0; count < 1000; count++) client.send(input, "commit");
    const told = client.take("zwp_text_input_v3.done").length;
    assert.ok(told >= 2 && told < 100, String(told));
    assert.deepEqual(valuesOf(client, "zwp_text_input_v3.commit_string"), [["ä"]]);
    screen.compositor.commitText("ö");
    answer(client);
    assert.deepEqual(valuesOf(client, "zwp_text_input_v3.commit_string"), [["ö"]]);
  });

  it("comes before the keys that were pressed after it, which are those of its program", () => {
    const screen = new TestScreen();
    const other = opened(screen);
    other.client.create("wl_keyboard", other.seat, "get_keyboard");
    const { client, seat, window } = opened(screen);
    client.create("wl_keyboard", seat, "get_keyboard");
    const input = textInput({ client, seat });
    enable(client, input);
    screen.compositor.composeText("か");
    screen.compositor.commitText("漢");
    screen.compositor.key(28, true);
    screen.compositor.key(28, false);
    assert.deepEqual(client.take("wl_keyboard.key"), []);
    answer(client);
    assert.deepEqual(client.take("wl_keyboard.key"), []);
    answer(client);
    const names = client.events.map(({ name }) => name).filter((name) => /commit_string|wl_keyboard.key$/.test(name));
    assert.deepEqual(names, ["zwp_text_input_v3.commit_string", "wl_keyboard.key", "wl_keyboard.key"]);
    // A program that takes no more text takes no key along.
    client.take("wl_keyboard.key");
    screen.compositor.commitText("漢");
    screen.compositor.key(30, true);
    client.send(input, "disable");
    client.send(input, "commit");
    assert.equal(client.take("wl_keyboard.key").length, 1);
    enable(client, input);
    screen.compositor.commitText("漢");
    screen.compositor.key(30, false);
    for (const object of [window.toplevel, window.xdgSurface, window.surface]) client.send(object, "destroy");
    screen.compositor.key(31, true);
    assert.deepEqual(
      valuesOf(other.client, "wl_keyboard.key").map(([, , key]) => key),
      [31],
    );
  });

  it("that is long comes in parts that a message can hold, with no character cut", () => {
    const { screen, client, seat } = opened();
    const input = textInput({ client, seat });
    enable(client, input);
    const text = "aé😀".repeat(2000);
    screen.compositor.commitText(text + "\0");
    for (let count = 0; count < 100; count++) answer(client);
    const parts = valuesOf(client, "zwp_text_input_v3.commit_string").map(([part]) => part as string);
    assert.ok(parts.join("") === text, `${parts.map((part) => part.length).join()} of ${text.length}`);
    assert.ok(parts.length > 1 && parts.every((part) => Buffer.byteLength(part) <= 2000));
    assert.deepEqual([client.error, screen.defects], [null, []]);
  });

  it("goes to the window on top alone, once it says so again", () => {
    const { screen, client, seat } = opened();
    const input = textInput({ client, seat });
    enable(client, input);
    const other = opened(screen);
    assert.equal(client.take("zwp_text_input_v3.leave").length, 1);
    assert.equal(screen.compositor.commitText("x"), false);
    enable(client, input);
    assert.equal(screen.compositor.commitText("x"), false);
    other.client.disconnect();
    assert.equal(client.take("zwp_text_input_v3.enter").length, 2);
    assert.equal(screen.compositor.commitText("x"), false);
    enable(client, input);
    assert.equal(screen.compositor.commitText("x"), true);
    client.send(input, "destroy");
    assert.deepEqual([screen.compositor.commitText("x"), screen.defects], [false, []]);
  });

  it("is placed on the screen, whatever rectangle a program says", () => {
    const { screen, client, seat } = opened();
    const input = textInput({ client, seat });
    client.send(input, "enable");
    client.send(input, "set_cursor_rectangle", 0x7fffffff, -0x80000000, -5, 0x7fffffff);
    client.send(input, "commit");
    const { x, y, width, height } = screen.compositor.textPlace!;
    assert.ok(x >= 0 && y >= 0 && width >= 1 && height >= 1 && x + width <= 64 && y + height <= 48);
  });
});

describe("what is selected", () => {
  it("is pasted by the middle button, beside what was copied", () => {
    const screen = new TestScreen();
    const reader = opened(screen);
    const devices = (of: { client: TestClient; seat: number }): { primary: number; device: number } => {
      const primary = of.client.bind("zwp_primary_selection_device_manager_v1");
      return {
        primary,
        device: of.client.create("zwp_primary_selection_device_v1", primary, "get_device", of.seat),
      };
    };
    const writer = opened(screen);
    const { primary, device } = devices(writer);
    const source = writer.client.create("zwp_primary_selection_source_v1", primary, "create_source");
    writer.client.send(source, "offer", "text/plain");
    writer.client.send(device, "set_selection", source, 1);
    screen.compositor.copyText("copied");
    devices(reader);
    writer.client.send(writer.window.toplevel, "destroy");
    const [offer] = reader.client.take("zwp_primary_selection_device_v1.selection").at(-1)!.values as [number];
    assert.deepEqual(valuesOf(reader.client, "zwp_primary_selection_offer_v1.offer"), [["text/plain"]]);
    const pipe = new TestFile(new Uint8Array(0));
    reader.client.send(offer, "receive", "text/plain", pipe);
    assert.deepEqual(
      writer.client.take("zwp_primary_selection_source_v1.send").map(({ object, values }) => [object, ...values]),
      [[source, "text/plain", pipe]],
    );
    assert.deepEqual(reader.client.released, [pipe]);
  });

  it("by a program that has not the keyboard is refused", () => {
    const screen = new TestScreen();
    const behind = opened(screen);
    opened(screen);
    const manager = behind.client.bind("wl_data_device_manager");
    const device = behind.client.create("wl_data_device", manager, "get_data_device", behind.seat);
    const source = behind.client.create("wl_data_source", manager, "create_data_source");
    behind.client.send(source, "offer", "text/plain");
    behind.client.send(device, "set_selection", source, 1);
    assert.deepEqual([behind.client.take("wl_data_source.cancelled").length, screen.copies], [1, 0]);
  });
});

describe("what a page copied", () => {
  it("is pasted as text of any name, and as nothing else; too much is not taken", () => {
    const screen = new TestScreen();
    const { client, seat } = opened(screen);
    client.create("wl_data_device", client.bind("wl_data_device_manager"), "get_data_device", seat);
    assert.equal(screen.compositor.copyText("x".repeat((1 << 20) + 1)), false);
    assert.equal(screen.compositor.copyText("Grüße"), true);
    assert.equal(screen.copies, 0);
    const offer = client.take("wl_data_device.selection").at(-1)!.values[0] as number;
    for (const [type, expected] of [
      ["UTF8_STRING", "Grüße"],
      ["image/png", ""],
    ] as const) {
      const pipe = new TestFile(new Uint8Array(1));
      client.send(offer, "receive", type, pipe);
      assert.equal(new TextDecoder().decode(pipe.bytes), expected);
      assert.equal(client.released.at(-1), pipe);
    }
  });
});

describe("a pointer that a program keeps", () => {
  /** Over the window, with a constraint on it. */
  function kept(
    request: "lock_pointer" | "confine_pointer",
    lifetime: number,
  ): ReturnType<typeof opened> & {
    constraint: number;
    constraints: number;
    pointer: number;
  } {
    const all = opened();
    const { client, seat, window, screen } = all;
    const pointer = client.create("wl_pointer", seat, "get_pointer");
    const relative = client.bind("zwp_relative_pointer_manager_v1");
    client.create("zwp_relative_pointer_v1", relative, "get_relative_pointer", pointer);
    screen.compositor.movePointer(25, 20);
    const constraints = client.bind("zwp_pointer_constraints_v1");
    const type = request === "lock_pointer" ? "zwp_locked_pointer_v1" : "zwp_confined_pointer_v1";
    const constraint = client.create(type, constraints, request, window.surface, pointer, 0, lifetime);
    client.take("zwp_relative_pointer_v1.relative_motion");
    return { ...all, constraint, constraints, pointer };
  }
  const ONCE = 1,
    PERSISTENT = 2;

  it("stays where it is, and the program is told how far it went", () => {
    const { screen, client } = kept("lock_pointer", PERSISTENT);
    assert.equal(client.take("zwp_locked_pointer_v1.locked").length, 1);
    assert.equal(screen.compositor.isPointerLocked, true);
    screen.compositor.movePointer(27, 17);
    screen.compositor.movePointerBy(-500, 0.5);
    const moves = valuesOf(client, "zwp_relative_pointer_v1.relative_motion").map((values) => values.slice(2));
    assert.deepEqual(moves, [
      [2, -3, 2, -3],
      [-500, 0.5, -500, 0.5],
    ]);
    assert.deepEqual(client.take("wl_pointer.motion"), []);
    screen.compositor.button(0x110, true);
    assert.equal(client.take("wl_pointer.button").length, 1);
  });

  it("is the person's again when that is wanted, until it comes anew", () => {
    const { screen, client } = kept("lock_pointer", PERSISTENT);
    screen.compositor.unlockPointer();
    assert.equal(client.take("zwp_locked_pointer_v1.unlocked").length, 1);
    screen.compositor.movePointer(26, 20);
    assert.deepEqual([client.take("wl_pointer.motion").length, screen.compositor.isPointerLocked], [1, false]);
    screen.compositor.movePointer(1, 1);
    screen.compositor.movePointer(26, 20);
    assert.equal(screen.compositor.isPointerLocked, true);
  });

  it("for one time is not kept again, and for ever is", () => {
    for (const [lifetime, again] of [
      [ONCE, 1],
      [PERSISTENT, 2],
    ] as const) {
      const { screen, client } = kept("confine_pointer", lifetime);
      // Another window comes below the pointer, and goes.
      const other = new TestWindow(new TestClient(screen), { width: 64, height: 48, pixel: 0xff0000ff });
      screen.compositor.movePointer(26, 20);
      other.client.disconnect();
      screen.compositor.movePointer(27, 20);
      assert.equal(client.take("zwp_confined_pointer_v1.confined").length, again);
    }
  });

  it("does not leave a surface that it is confined to", () => {
    const { screen, client } = kept("confine_pointer", PERSISTENT);
    screen.compositor.movePointer(0, 48);
    assert.deepEqual(client.take("wl_pointer.motion").at(-1)!.values.slice(1), [0, 9]);
    assert.deepEqual(client.take("wl_pointer.leave"), []);
  });

  it("is kept by one constraint of a surface, and by none that is destroyed, or whose surface is", () => {
    const { screen, client, window, constraint, constraints, pointer } = kept("lock_pointer", PERSISTENT);
    client.send(constraint, "destroy");
    assert.equal(screen.compositor.isPointerLocked, false);
    const lock = (): number =>
      client.create("zwp_locked_pointer_v1", constraints, "lock_pointer", window.surface, pointer, 0, ONCE);
    lock();
    assert.equal(screen.compositor.isPointerLocked, true);
    lock();
    assert.equal(client.error, "zwp_pointer_constraints_v1: 1");
    screen.compositor.movePointer(3, 3);
    assert.deepEqual([screen.compositor.isPointerLocked, screen.defects], [false, []]);
  });
});

describe("a window comes to the top", () => {
  it("by a token of the program in front, once", () => {
    const screen = new TestScreen();
    const behind = opened(screen);
    const front = opened(screen);
    const tokenOf = ({ client }: { client: TestClient }): string => {
      const activation = client.bind("xdg_activation_v1");
      const token = client.create("xdg_activation_token_v1", activation, "get_activation_token");
      client.send(token, "commit");
      return client.take("xdg_activation_token_v1.done")[0]!.values[0] as string;
    };
    const activate = (token: string): boolean => {
      behind.client.send(behind.client.bind("xdg_activation_v1"), "activate", token, behind.window.surface);
      return behind.client.take("wl_keyboard.enter").length > 0;
    };
    // It has the keyboard once it is on top.
    behind.client.create("wl_keyboard", behind.seat, "get_keyboard");
    assert.equal(activate(tokenOf(behind)), false);
    assert.equal(activate("stratos-99"), false);
    const token = tokenOf(front);
    assert.equal(activate(token), true);
    front.client.send(front.client.bind("xdg_activation_v1"), "activate", token, front.window.surface);
    assert.equal(behind.client.take("wl_keyboard.leave").length, 0);
  });
});
