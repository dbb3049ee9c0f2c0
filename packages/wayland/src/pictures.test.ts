/**
 * Goal: a desktop has each window as a picture of its own, arranges it, and hears what its program wishes. Method:
 * clients that speak the wire's bytes, and an arranger that notes what it is told.
 */
import assert from "node:assert/strict";
import { describe, it } from "node:test";
import type { Arranger } from "./shell/arranger.ts";
import type { ScreenWindow } from "./shell/screen-window.ts";
import { solidBuffer, TestClient, TestScreen, TestWindow } from "./testing/test-client.ts";

const RED = 0xffff0000,
  GREEN = 0xff00ff00,
  BTN_LEFT = 0x110;
const SIZE = { width: 20, height: 10, pixel: RED };

class Desk implements Arranger {
  readonly told: string[] = [];
  readonly screen = new TestScreen({ arranger: this });

  opened({ title }: ScreenWindow): void {
    this.told.push(`opened ${title}`);
  }

  closed(): void {
    this.told.push("closed");
  }

  wished(_window: ScreenWindow, wish: object): void {
    this.told.push(JSON.stringify(wish));
  }

  open(size = SIZE): TestWindow {
    return new TestWindow(new TestClient(this.screen), size);
  }

  get window(): ScreenWindow {
    return this.screen.compositor.windows.at(-1)!;
  }
}

describe("a window of a desktop", () => {
  it("is a picture of its own, which stays as it is while the window is moved", () => {
    const desk = new Desk();
    desk.open();
    desk.open({ ...SIZE, pixel: GREEN });
    const { compositor } = desk.screen;
    const [red, green] = compositor.pictures;
    assert.deepEqual([red!.canvas.width, red!.canvas.height], [20, 10]);
    assert.ok(red!.canvas.pixels.every((pixel) => pixel === RED));
    assert.ok(green!.canvas.pixels.every((pixel) => pixel === GREEN));
    assert.equal(red!.takeChanged().length, 1);
    compositor.place(compositor.windowOf(red!)!, 7, 9);
    desk.screen.frame();
    assert.deepEqual([red!.takeChanged(), red!.x, red!.y], [[], 7, 9]);
    assert.equal(compositor.canvas.pixels.length, 0, "nothing is drawn twice");
  });

  it("that is hidden has none, and its program draws no frames until it is seen again", () => {
    const desk = new Desk();
    const { client, surface } = desk.open();
    const { compositor } = desk.screen;
    client.create("wl_pointer", client.bind("wl_seat"), "get_pointer");
    compositor.hide(desk.window, true);
    compositor.movePointer(5, 5);
    assert.equal(client.take("wl_pointer.enter").length, 0, "another may lie there");
    client.create("wl_callback", surface, "frame");
    client.send(surface, "commit");
    desk.screen.frame();
    assert.deepEqual([compositor.pictures.length, client.take("wl_callback.done").length], [0, 0]);
    compositor.hide(desk.window, false);
    desk.screen.frame();
    assert.deepEqual([compositor.pictures.length, client.take("wl_callback.done").length], [1, 1]);
  });

  it("has the size and the state that the desktop gives it", () => {
    const desk = new Desk();
    const { client } = desk.open();
    client.take("xdg_toplevel.configure");
    desk.screen.compositor.arrange(desk.window, { width: 33, height: 44, filling: "maximized", isResizing: false });
    const { values } = client.take("xdg_toplevel.configure").at(-1)!;
    assert.deepEqual(values.slice(0, 2), [33, 44]);
    assert.deepEqual([...new Uint32Array((values[2] as Uint8Array).slice().buffer)], [1], "maximized");
  });

  it("has the keyboard when the desktop says so, and not by being opened or pressed", () => {
    const desk = new Desk();
    const { client, surface } = desk.open();
    const keyboard = client.create("wl_keyboard", client.bind("wl_seat"), "get_keyboard");
    const { compositor } = desk.screen;
    compositor.movePointer(5, 5);
    compositor.button(BTN_LEFT, true);
    assert.equal(client.take("wl_keyboard.enter").length, 0);
    compositor.focus(desk.window);
    const [enter] = client.take("wl_keyboard.enter");
    assert.deepEqual([enter!.object, enter!.values[1]], [keyboard, surface]);
    compositor.focus(null);
    assert.equal(client.take("wl_keyboard.leave").length, 1);
    client.take("wl_keyboard.keymap");
    compositor.setLayout("de");
    assert.equal(client.take("wl_keyboard.keymap").length, 1);
  });

  it("tells the desktop what its program wishes, and does nothing by itself", () => {
    const desk = new Desk();
    const { client, toplevel } = desk.open();
    const seat = client.bind("wl_seat");
    const { compositor } = desk.screen;
    const pointer = client.create("wl_pointer", seat, "get_pointer");
    assert.ok(pointer > 0);
    client.send(toplevel, "set_maximized");
    client.send(toplevel, "set_minimized");
    client.send(toplevel, "move", seat, 1);
    compositor.movePointer(5, 5);
    compositor.button(BTN_LEFT, true);
    client.send(toplevel, "resize", seat, 1, 8);
    assert.deepEqual(desk.told, [
      "opened ",
      '{"kind":"fill","filling":"maximized","monitor":null}',
      '{"kind":"minimize"}',
      // What moves a window is a press: without one nothing is told.
      '{"kind":"drag","edges":8}',
    ]);
    assert.equal(desk.window.filling, "");
    client.disconnect();
    assert.equal(desk.told.at(-1), "closed");
  });

  it("leaves its frame to the desktop unless its program draws one", () => {
    const desk = new Desk();
    const { client, toplevel, xdgSurface, surface } = desk.open();
    assert.equal(desk.window.drawsFrame, false, "it has said nothing of a shadow around it");
    client.send(xdgSurface, "set_window_geometry", 2, 2, 16, 6);
    client.send(surface, "commit");
    assert.equal(desk.window.drawsFrame, true);
    assert.ok(toplevel > 0);
    const other = new TestWindow(new TestClient(desk.screen), null);
    const manager = other.client.bind("zxdg_decoration_manager_v1");
    const decoration = other.client.create(
      "zxdg_toplevel_decoration_v1",
      manager,
      "get_toplevel_decoration",
      other.toplevel,
    );
    other.draw(SIZE);
    assert.equal(desk.window.drawsFrame, false);
    assert.equal(other.client.take("zxdg_toplevel_decoration_v1.configure").at(-1)?.values[0] ?? 2, 2);
    other.client.send(decoration, "set_mode", 1);
    assert.deepEqual(other.client.take("zxdg_toplevel_decoration_v1.configure").at(-1)!.values, [1]);
    assert.equal(desk.window.drawsFrame, true);
  });

  it("cannot have a picture that is much larger than the screen, wherever its program puts things", () => {
    const desk = new Desk();
    const bystander = desk.open();
    const window = desk.open();
    const { client, compositor, shm, surface } = window;
    const far = client.create("wl_surface", compositor, "create_surface");
    const subsurface = client.create("wl_subsurface", client.bind("wl_subcompositor"), "get_subsurface", far, surface);
    client.send(subsurface, "set_position", 400, 5000);
    client.send(far, "attach", solidBuffer(client, shm, { width: 5000, height: 4, pixel: GREEN }).buffer, 0, 0);
    client.send(far, "commit");
    client.send(surface, "commit");
    desk.screen.frame();
    client.send(subsurface, "set_position", 400, 100);
    client.send(surface, "commit");
    desk.screen.frame();
    const picture = desk.screen.compositor.pictures.at(-1)!;
    assert.ok(picture.canvas.width > 400 && picture.canvas.width < 2000, String(picture.canvas.width));
    assert.ok(picture.canvas.height > 100 && picture.canvas.height < 2000, String(picture.canvas.height));
    assert.deepEqual([client.error, bystander.client.error, desk.screen.defects], [null, null, []]);
  });
});
