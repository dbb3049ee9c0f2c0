/** Signs of programs in the panel, and their menus (the service's `/tray`). */
import { fromBase64 } from "@stratos/base";
import type { MenuNode } from "@stratos/dbus";
import type { ShownTrayItem } from "../machine/guest-bus.ts";
import { ask, readBlob } from "./service.ts";
import { front } from "./front.ts";
import { create, Menu, type MenuItem } from "./widgets/containers.ts";
import { Button } from "./widgets/controls.ts";
import { Widget } from "./widgets/widget.ts";
import { say } from "./words.ts";

const PICTURE_SIZE = 16;

export class TrayArea extends Widget {
  readonly #onProblem: (words: string) => void;
  readonly #buttons = new Map<number, { readonly button: Button; item: ShownTrayItem; shown: string }>();

  constructor(onProblem: (words: string) => void) {
    super(create("div", "tray"));
    this.element.setAttribute("role", "group");
    this.#onProblem = onProblem;
    this.relabel();
  }

  relabel(): void {
    this.labelled(say("tray"));
  }

  set items(items: readonly ShownTrayItem[]) {
    for (const [id, { button }] of this.#buttons)
      if (!items.some((item) => item.id === id)) {
        button.remove();
        this.#buttons.delete(id);
      }
    for (const item of items) this.#itemIs(item);
  }

  #itemIs(item: ShownTrayItem): void {
    let known = this.#buttons.get(item.id);
    if (known === undefined) {
      const button = new Button("", () => this.#pressed(item.id)).named("tray-item");
      button.element.addEventListener("contextmenu", (event) => {
        event.preventDefault();
        this.#openMenu(item.id);
      });
      known = { button, item, shown: "" };
      this.#buttons.set(item.id, known);
      this.append(button);
    }
    known.item = item;
    const { button } = known;
    button.labelled(item.title);
    button.element.title = item.title;
    button.element.classList.toggle("attention", item.status === "NeedsAttention");
    const shown = JSON.stringify([item.iconName, item.picture]);
    if (shown === known.shown) return;
    known.shown = shown;
    this.#picture(item).then(
      (picture) => button.element.replaceChildren(picture),
      () => void (button.element.textContent = item.title.slice(0, 1).toUpperCase() || "?"),
    );
  }

  /** @throws Error when there is none */
  async #picture({ id, iconName, picture }: ShownTrayItem): Promise<HTMLElement> {
    if (iconName !== "") {
      const icon = await readBlob(`/tray/${id}/icon`).catch(() => null);
      if (icon !== null) {
        const image = create("img");
        image.alt = "";
        image.width = image.height = PICTURE_SIZE;
        image.src = URL.createObjectURL(icon);
        await image.decode().finally(() => URL.revokeObjectURL(image.src));
        return image;
      }
    }
    if (picture === null) throw new Error("it has no picture");
    const { width, height, pixels } = picture;
    const canvas = Object.assign(create("canvas"), { width, height });
    const bytes = new Uint8ClampedArray(fromBase64(pixels) ?? []);
    canvas.getContext("2d")!.putImageData(new ImageData(bytes, width, height), 0, 0);
    return canvas;
  }

  #pressed(id: number): void {
    const item = this.#buttons.get(id)?.item;
    if (item === undefined) return;
    if (item.isMenu && item.hasMenu) return this.#openMenu(id);
    ask<{ isTaken: boolean }>("POST", `/tray/${id}/activate`, {}).then(
      // Ayatana's know of nothing but their menu.
      ({ isTaken }) => !isTaken && item.hasMenu && this.#openMenu(id),
      (error: unknown) => this.#onProblem((error as Error).message),
    );
  }

  #openMenu(id: number): void {
    const known = this.#buttons.get(id);
    if (known?.item.hasMenu !== true) return;
    ask<{ items: readonly MenuNode[] }>("GET", `/tray/${id}/menu`).then(
      ({ items }) => this.#show(id, known.item.title, items),
      (error: unknown) => this.#onProblem((error as Error).message),
    );
  }

  #show(id: number, title: string, nodes: readonly MenuNode[]): void {
    const button = this.#buttons.get(id)?.button.element;
    if (button === undefined || nodes.length === 0) return;
    const choose = (node: MenuNode): void =>
      void ask("POST", `/tray/${id}/menu/${node.id}`, {}).catch((error: Error) => this.#onProblem(error.message));
    const itemOf = (node: MenuNode): MenuItem | "line" => {
      const { kind, label, isEnabled, isChecked, children } = node;
      if (kind === "line") return "line";
      return {
        text: children === null ? label : `${label} ▸`,
        isEnabled,
        ...(isChecked === null ? {} : { isChecked }),
        // One within another takes its place.
        act: () => (children === null ? choose(node) : this.#show(id, label, children)),
      };
    };
    button.focus();
    const { left, top } = button.getBoundingClientRect();
    new Menu(title, nodes.map(itemOf)).open(front(), { x: left, y: top });
  }
}
