/** Goal: widgets are a tree, whose events go down and up it, and which is drawn once for many changes. */
import assert from "node:assert/strict";
import { afterEach, test } from "node:test";
import { Widget } from "./widget.ts";

const frames: (() => void)[] = [];
const global = globalThis as unknown as Record<string, unknown>;
global["requestAnimationFrame"] = (draw: () => void): void => void frames.push(draw);
afterEach(() => void frames.splice(0));

/** As much of an element as a widget asks for. */
function element(): HTMLElement {
  const children: object[] = [];
  const made = {
    children,
    style: {},
    append: (...more: readonly { parent?: object }[]) => {
      for (const each of more) children.push(Object.assign(each, { parent: made }));
    },
    remove: () => {
      const siblings = (made as { parent?: { children: object[] } }).parent?.children ?? [];
      if (siblings.includes(made)) siblings.splice(siblings.indexOf(made), 1);
    },
  };
  return made as unknown as HTMLElement;
}

function tree(): { root: Widget; middle: Widget; leaf: Widget; heard: string[] } {
  const [root, middle, leaf] = [new Widget(element()), new Widget(element()), new Widget(element())] as const;
  root.append(middle.append(leaf));
  const heard: string[] = [];
  for (const [name, widget] of Object.entries({ root, middle, leaf }))
    for (const isCapture of [true, false])
      widget.on("tell", () => void heard.push(`${name} ${isCapture ? "down" : "up"}`), isCapture);
  return { root, middle, leaf, heard };
}

test("an event goes down to its widget and up again, with what it is about", () => {
  const { leaf, middle, heard } = tree();
  middle.on<number>("tell", ({ target, detail, type }) => {
    assert.ok(target === leaf);
    assert.deepEqual([detail, type], [7, "tell"]);
    heard.push("seven");
  });
  assert.equal(leaf.emit("tell", 7), true);
  assert.deepEqual(heard, ["root down", "middle down", "leaf down", "leaf up", "middle up", "seven", "root up"]);
});

test("who stops an event is the last to hear of it; who prevents it is known to the one who told", () => {
  const { leaf, middle, heard } = tree();
  middle.on(
    "tell",
    (event) => {
      event.prevent();
      event.stop();
    },
    true,
  );
  assert.equal(leaf.emit("tell"), false);
  assert.deepEqual(heard, ["root down", "middle down"]);
});

test("a widget is in one place, and what is replaced hears nothing more", () => {
  const { root, middle, leaf, heard } = tree();
  const other = new Widget(element());
  other.append(leaf);
  assert.deepEqual([middle.children.length, other.children.length, leaf.parent === other], [0, 1, true]);
  root.replaceChildren(other);
  assert.deepEqual([root.children.length, middle.parent, root.element.children.length], [1, null, 1]);
  middle.emit("tell");
  assert.deepEqual(heard, ["middle down", "middle up"]);
});

test("many changes are drawn once, before the next frame, and later ones again", () => {
  let drawn = 0;
  class Counted extends Widget {
    protected override draw(): void {
      drawn++;
    }
  }
  const widget = new Counted(element());
  for (let change = 0; change < 5; change++) widget.invalidate();
  new Counted(element()).invalidate();
  assert.deepEqual([drawn, frames.length], [0, 1]);
  frames.shift()!();
  assert.equal(drawn, 2);
  widget.invalidate();
  frames.shift()!();
  assert.equal(drawn, 3);
});
