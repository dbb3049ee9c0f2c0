/**
 * Goal: programs know which monitors there are and on which their windows lie; windows are never out of reach, and are
 * as sharp as their monitor. Method: clients on the wire, before a screen whose monitors come and go.
 */
import assert from "node:assert/strict";
import { beforeEach, describe, it } from "node:test";
import type { WindowWish } from "../shell/arranger.ts";
import { solidBuffer, TestClient, TestScreen, TestWindow } from "../testing/test-client.ts";
import type { Monitor } from "./output.ts";

const RED = 0xffff0000,
  GREEN = 0xff00ff00;
const LEFT: Monitor = { id: 1, x: 0, y: 0, width: 64, height: 48, refreshHz: 60, scale: 1 };
const RIGHT: Monitor = { id: 2, x: 64, y: 0, width: 40, height: 30, refreshHz: 75, scale: 1.5 };

let screen = new TestScreen();
let client = new TestClient(screen);

beforeEach(() => {
  screen = new TestScreen();
  client = new TestClient(screen);
});

/** Binds what was announced since. @returns the object */
function bindNew(from = client): number {
  const [event] = from.take("wl_registry.global");
  const [name, type, version] = event!.values as [number, string, number];
  assert.deepEqual([type, version], ["wl_output", 4]);
  return from.bindNamed(name, "wl_output", version);
}

function openWindow(size = { width: 20, height: 10, pixel: RED }): TestWindow {
  const window = new TestWindow(client, size);
  assert.equal(client.error, null);
  return window;
}

const values = (name: string): unknown[][] => client.take(name).map((event) => [...event.values]);

describe("monitors", () => {
  it("are told with place, pixels and scale, and to who asks with their size in pixels of windows", () => {
    client.bind("wl_output");
    values("wl_output.geometry");
    screen.compositor.setMonitors([LEFT, RIGHT]);
    const output = bindNew();
    assert.deepEqual(values("wl_output.geometry")[0]!.slice(0, 2), [64, 0]);
    assert.deepEqual(values("wl_output.mode").at(-1)!.slice(1), [60, 45, 75_000]);
    assert.deepEqual(values("wl_output.scale").at(-1), [2], "the next whole number");
    assert.deepEqual(values("wl_output.name").at(-1), ["STRATOS-2"]);
    const manager = client.bind("zxdg_output_manager_v1");
    client.take("wl_output.done");
    client.create("zxdg_output_v1", manager, "get_xdg_output", output);
    assert.deepEqual(values("zxdg_output_v1.logical_position"), [[64, 0]]);
    assert.deepEqual(values("zxdg_output_v1.logical_size"), [[40, 30]]);
    assert.equal(client.take("wl_output.done").length, 1, "so that it counts, since version 3");

    screen.compositor.setMonitors([LEFT, { ...RIGHT, width: 80, scale: 2 }]);
    assert.deepEqual(values("zxdg_output_v1.logical_size"), [[80, 30]]);
    assert.deepEqual(values("wl_output.mode").at(-1)!.slice(1, 3), [160, 60]);
    assert.equal(client.take("wl_output.done").length, 1, "of the one that has changed");
    assert.equal(client.error, null);
  });

  it("go with a word, and who asks for one that has just gone gets one that says nothing", () => {
    screen.compositor.setMonitors([LEFT, RIGHT]);
    const [event] = client.take("wl_registry.global");
    const name = event!.values[0] as number;
    screen.compositor.setMonitors([LEFT]);
    assert.deepEqual(values("wl_registry.global_remove"), [[name]]);
    client.bindNamed(name, "wl_output", 4);
    assert.deepEqual(client.take("wl_output.done"), []);
    assert.equal(client.error, null);
    screen.compositor.setMonitors([LEFT, RIGHT]);
    assert.notEqual(client.take("wl_registry.global")[0]!.values[0], name, "it is another one");
    client.bindNamed(name + 9, "wl_output", 4);
    assert.equal(client.error, "wl_registry: 0", "there never was one of that name");
  });
});

describe("a window", () => {
  it("is on the monitors that a part of it lies on, and has the scale of the one that most of it lies on", () => {
    screen.compositor.setMonitors([LEFT, RIGHT]);
    const left = client.bind("wl_output"),
      right = bindNew();
    const { surface } = openWindow();
    const manager = client.bind("wp_fractional_scale_manager_v1");
    client.create("wp_fractional_scale_v1", manager, "get_fractional_scale", surface);
    assert.deepEqual(values("wl_surface.enter"), [[left]]);
    assert.deepEqual(values("wp_fractional_scale_v1.preferred_scale"), [[120]]);
    values("wl_surface.preferred_buffer_scale");
    const [window] = screen.compositor.windows;
    const goTo = (x: number): void => {
      window!.moveTo(x, 5);
      screen.frame();
    };
    goTo(50);
    assert.deepEqual([values("wl_surface.enter"), values("wl_surface.leave")], [[[right]], []]);
    assert.deepEqual(values("wp_fractional_scale_v1.preferred_scale"), []);
    goTo(60);
    assert.deepEqual(values("wp_fractional_scale_v1.preferred_scale"), [[180]]);
    assert.deepEqual(values("wl_surface.preferred_buffer_scale"), [[2]]);
    goTo(70);
    assert.deepEqual([values("wl_surface.enter"), values("wl_surface.leave")], [[], [[left]]]);
  });

  it("is told of a monitor that its program binds after it came to lie there", () => {
    openWindow();
    screen.compositor.setMonitors([
      { ...LEFT, width: 20, height: 48 },
      { ...RIGHT, x: 20 },
    ]);
    screen.frame();
    assert.deepEqual(values("wl_surface.enter"), [], "it knows of none");
    const { events } = client;
    const output = bindNew();
    assert.ok(events.length > 0);
    assert.deepEqual(values("wl_surface.enter"), [[output]]);
  });

  it("comes to the nearest monitor when its own goes, and leaves that before", () => {
    screen.compositor.setMonitors([LEFT, RIGHT]);
    bindNew();
    openWindow();
    const [window] = screen.compositor.windows;
    window!.moveTo(80, 15);
    screen.frame();
    client.events = [];
    screen.compositor.setMonitors([LEFT]);
    const names = client.events.map(({ name }) => name);
    assert.ok(names.indexOf("wl_surface.leave") >= 0, String(names));
    assert.ok(names.indexOf("wl_surface.leave") < names.indexOf("wl_registry.global_remove"), String(names));
    assert.deepEqual([window!.x, window!.y], [44, 15]);
    screen.frame();
    assert.equal(screen.pixel(44, 15), "ffff0000");
    assert.equal(screen.compositor.canvas.width, 64);
  });

  it("fills the monitor that it names, and another one when that goes", () => {
    screen.compositor.setMonitors([LEFT, RIGHT]);
    const right = bindNew();
    const { toplevel } = openWindow();
    const [window] = screen.compositor.windows;
    const before = { x: window!.x, y: window!.y };
    client.take("xdg_toplevel.configure");
    client.send(toplevel, "set_fullscreen", right);
    assert.deepEqual(values("xdg_toplevel.configure").at(-1)!.slice(0, 2), [40, 30]);
    assert.deepEqual([window!.x, window!.y], [64, 0]);
    screen.compositor.setMonitors([LEFT]);
    assert.deepEqual(values("xdg_toplevel.configure").at(-1)!.slice(0, 2), [64, 48]);
    assert.deepEqual([window!.x, window!.y], [0, 0]);
    client.send(toplevel, "unset_fullscreen");
    assert.deepEqual({ x: window!.x, y: window!.y }, before);
  });

  it("opens where the person works, and its menus stay on its monitor", () => {
    screen.compositor.setMonitors([LEFT, RIGHT]);
    openWindow();
    screen.compositor.windows[0]!.moveTo(66, 2);
    const window = openWindow();
    const placed = screen.compositor.windows.at(-1)!;
    assert.ok(placed.x >= 64 && placed.x + 20 <= 104, String(placed.x));
    placed.moveTo(64, 0);
    const wmBase = client.bind("xdg_wm_base");
    const positioner = client.create("xdg_positioner", wmBase, "create_positioner");
    client.send(positioner, "set_size", 10, 10);
    client.send(positioner, "set_anchor_rect", 0, 0, 1, 1);
    // To the left, where the other monitor is, unless that is not its own.
    client.send(positioner, "set_anchor", 3);
    client.send(positioner, "set_gravity", 3);
    client.send(positioner, "set_constraint_adjustment", 1);
    const surface = client.create("wl_surface", window.compositor, "create_surface");
    const menu = client.create("xdg_surface", wmBase, "get_xdg_surface", surface);
    client.create("xdg_popup", menu, "get_popup", window.xdgSurface, positioner);
    client.send(surface, "commit");
    assert.equal((values("xdg_popup.configure").at(-1) as number[])[0], 0);
  });
});

it("the pointer is on a monitor, or at the edge of the nearest", () => {
  screen.compositor.setMonitors([LEFT, RIGHT]);
  const seat = client.bind("wl_seat");
  client.create("wl_pointer", seat, "get_pointer");
  openWindow({ width: 40, height: 30, pixel: RED });
  screen.compositor.windows[0]!.moveTo(64, 0);
  screen.frame();
  // Below the right monitor, which is lower than the left one.
  screen.compositor.movePointer(100, 45);
  screen.compositor.movePointer(90, 29);
  assert.deepEqual(values("wl_pointer.enter").at(-1)!.slice(2), [26, 29]);
});

describe("an arranger", () => {
  const wishes: WindowWish[] = [];
  beforeEach(() => {
    wishes.length = 0;
    screen = new TestScreen({
      arranger: { opened: () => {}, closed: () => {}, wished: (_window, wish) => void wishes.push(wish) },
    });
    client = new TestClient(screen);
  });

  it("is told on which monitor a program wants to be, and moves its windows itself", () => {
    screen.compositor.setMonitors([LEFT, RIGHT]);
    const right = bindNew();
    const { toplevel } = openWindow();
    client.send(toplevel, "set_fullscreen", right);
    assert.deepEqual(wishes, [{ kind: "fill", filling: "fullscreen", monitor: 2 }]);
    const [window] = screen.compositor.windows;
    screen.compositor.place(window!, 90, 10);
    screen.compositor.setMonitors([LEFT]);
    assert.deepEqual([window!.x, window!.y], [90, 10]);
  });

  it("has pictures as sharp as the monitor: a pixel that the program drew for it is one", () => {
    screen.compositor.setMonitors([LEFT, RIGHT]);
    const window = openWindow({ width: 20, height: 10, pixel: RED });
    const [shown] = screen.compositor.windows;
    screen.compositor.place(shown!, 70, 10);
    const { surface } = window;
    const viewport = client.create("wp_viewport", client.bind("wp_viewporter"), "get_viewport", surface);
    client.send(viewport, "set_destination", 20, 10);
    const { buffer, file } = solidBuffer(client, window.shm, { width: 30, height: 15, pixel: RED });
    const pixels = new Uint32Array(file.bytes.buffer);
    for (let at = 0; at < pixels.length; at++) pixels[at] = 0xff000000 + at;
    client.send(surface, "attach", buffer, 0, 0);
    client.send(surface, "damage_buffer", 0, 0, 30, 15);
    client.send(surface, "commit");
    screen.frame();
    const [picture] = screen.compositor.pictures;
    assert.deepEqual({ ...picture!.place }, { x: 0, y: 0, width: 20, height: 10 });
    assert.deepEqual([picture!.scale, picture!.canvas.width, picture!.canvas.height], [1.5, 30, 15]);
    assert.deepEqual(picture!.canvas.pixels, pixels);
    picture!.takeChanged();

    pixels.fill(GREEN, 31, 33);
    client.send(surface, "attach", buffer, 0, 0);
    client.send(surface, "damage", 1, 1, 1, 1);
    client.send(surface, "commit");
    screen.frame();
    assert.deepEqual(picture!.takeChanged(), [{ x: 1, y: 1, width: 2, height: 2 }]);

    screen.compositor.place(shown!, 2, 2);
    screen.frame();
    assert.deepEqual([picture!.scale, picture!.canvas.width, picture!.canvas.height], [1, 20, 10]);
  });
});

it("who goes on from a saved screen has its monitors, and their objects", () => {
  screen.compositor.setMonitors([LEFT, RIGHT]);
  const right = bindNew();
  const manager = client.bind("zxdg_output_manager_v1");
  client.create("zxdg_output_v1", manager, "get_xdg_output", right);
  const { toplevel } = openWindow();
  client.send(toplevel, "set_fullscreen", right);
  screen.frame();
  client.events = [];
  screen.goOn([client]);
  assert.deepEqual(screen.compositor.monitors, [LEFT, RIGHT]);
  screen.compositor.setMonitors([LEFT, { ...RIGHT, height: 60 }]);
  assert.deepEqual(values("zxdg_output_v1.logical_size"), [[40, 60]]);
  assert.deepEqual(values("xdg_toplevel.configure").at(-1)!.slice(0, 2), [40, 60]);
  screen.compositor.setMonitors([LEFT]);
  assert.equal(client.take("wl_registry.global_remove").length, 1);
  assert.equal(client.error, null);
});
