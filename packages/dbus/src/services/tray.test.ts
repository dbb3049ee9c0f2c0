/**
 * Goal: a program that says it has a sign in the panel is asked what it shows, its menu can be opened and chosen from,
 * and it goes with its program; nothing that a program answers breaks that. Method: a program of the test's on a bus.
 */
import assert from "node:assert/strict";
import { test } from "node:test";
import { Bus } from "../bus/bus.ts";
import { BusClient } from "../testing/bus-client.ts";
import { bodyOf, ERROR, type Message, METHOD_CALL, METHOD_RETURN, SIGNAL } from "../wire/message.ts";
import type { Value } from "../wire/value-reader.ts";
import { Tray } from "./tray.ts";
import type { MenuNode } from "./tray-menu.ts";

const WATCHER = "org.kde.StatusNotifierWatcher";
const ITEM = "org.kde.StatusNotifierItem";
const MENU = "com.canonical.dbusmenu";

function newTray(): { readonly bus: Bus; readonly tray: Tray; readonly changes: () => number } {
  let count = 0;
  const bus = new Bus({
    guid: "0".repeat(32),
    machineId: () => "",
    activatable: () => [],
    activate: () => false,
    awaitName: () => {},
    updateEnvironment: () => {},
  });
  return { bus, tray: new Tray(bus, { changed: () => void count++ }), changes: () => count };
}

function variant(signature: string, value: Value): Value {
  return { signature, value };
}

/** Registers its path with the watcher. */
function register(program: BusClient, service: string): void {
  const values = bodyOf("s", [service]);
  const to = { destination: WATCHER, path: "/StatusNotifierWatcher", interface: WATCHER };
  program.send({ ...to, member: "RegisterStatusNotifierItem", signature: "s", body: values });
}

function asked(program: BusClient, member: string): (Message & { readonly values: readonly Value[] })[] {
  return program.messages.filter((each) => each.type === METHOD_CALL && each.member === member);
}

function answer(program: BusClient, member: string, signature: string, values: readonly Value[]): void {
  const call = asked(program, member).at(-1)!;
  const body = bodyOf(signature, values);
  program.send({ type: METHOD_RETURN, replySerial: call.serial, destination: call.sender!, signature, body });
}

function tells(program: BusClient, path: string, member: string): void {
  program.send({ type: SIGNAL, path, interface: ITEM, member });
}

const PROPERTIES: readonly Value[] = [
  ["Id", variant("s", "mail")],
  ["Title", variant("s", "Two letters")],
  ["Status", variant("s", "Active")],
  ["IconName", variant("s", "mail-unread")],
  ["IconPixmap", variant("a(iiay)", [[1, 1, Uint8Array.of(255, 1, 2, 3)]])],
  ["Menu", variant("o", "/Menu")],
  ["ItemIsMenu", variant("b", true)],
];

test("what a program has in the panel is what it says, and again when that changed", () => {
  const { bus, tray, changes } = newTray();
  const [program, looker] = [BusClient.named(bus), BusClient.named(bus, 2)];
  looker.call("AddMatch", "s", [`type='signal',interface='${WATCHER}'`]);
  register(program, "/one");
  assert.equal(looker.messages.at(-1)!.member, "StatusNotifierItemRegistered");
  assert.deepEqual(looker.messages.at(-1)!.values, [`${program.unique}/one`]);
  assert.deepEqual([asked(program, "GetAll")[0]!.path, tray.items], ["/one", []]);
  answer(program, "GetAll", "a{sv}", [PROPERTIES]);
  const [item] = tray.items;
  assert.deepEqual(item, {
    ...{ id: item!.id, title: "Two letters", status: "Active", iconName: "mail-unread", iconFolder: "" },
    picture: { width: 1, height: 1, pixels: Uint8Array.of(1, 2, 3, 255) },
    ...{ hasMenu: true, isMenu: true },
  });
  // Many changes are asked for once, and then once more.
  for (let count = 0; count < 50; count++) tells(program, "/one", "NewIcon");
  assert.equal(asked(program, "GetAll").length, 2);
  answer(program, "GetAll", "a{sv}", [[["Title", variant("s", "None")]]]);
  assert.equal(asked(program, "GetAll").length, 3);
  assert.deepEqual([tray.items[0]!.title, tray.items[0]!.hasMenu, changes()], ["None", false, 2]);
  answer(program, "GetAll", "a{sv}", [[["Status", variant("s", "Passive")]]]);
  assert.deepEqual(tray.items, []);
  program.leave();
  assert.equal(looker.messages.at(-1)!.member, "StatusNotifierItemUnregistered");
});

test("its menu is read when it is opened, and what is chosen is told", () => {
  const { bus, tray } = newTray();
  const program = BusClient.named(bus);
  register(program, "/one");
  answer(program, "GetAll", "a{sv}", [PROPERTIES]);
  const { id } = tray.items[0]!;
  let menu: readonly MenuNode[] | null | undefined;
  assert.ok(tray.openMenu(id, (found) => (menu = found)));
  // One that does not know what "about to show" is.
  const about = asked(program, "AboutToShow")[0]!;
  program.send({ type: ERROR, replySerial: about.serial, destination: about.sender!, errorName: "x.Y.Z" });
  const node = (number: number, properties: readonly Value[], children: readonly Value[] = []): Value =>
    variant("(ia{sv}av)", [number, properties, children]);
  const children = [
    node(1, [["label", variant("s", "_Open __ it")]]),
    node(2, [["type", variant("s", "separator")]]),
    node(3, [
      ["label", variant("s", "hidden")],
      ["visible", variant("b", false)],
    ]),
    node(
      4,
      [
        ["label", variant("s", "More")],
        ["children-display", variant("s", "submenu")],
      ],
      [
        node(5, [
          ["toggle-type", variant("s", "checkmark")],
          ["toggle-state", variant("i", 1)],
        ]),
        variant("s", "none"),
      ],
    ),
    node(6, [["enabled", variant("b", false)]]),
  ];
  answer(program, "GetLayout", "u(ia{sv}av)", [7, [0, [], children]]);
  const plain = { kind: "item", label: "", isEnabled: true, isChecked: null, children: null } as const;
  assert.deepEqual(menu, [
    { ...plain, id: 1, label: "Open _ it" },
    { ...plain, id: 2, kind: "line" },
    { ...plain, id: 4, label: "More", children: [{ ...plain, id: 5, isChecked: true }] },
    { ...plain, id: 6, isEnabled: false },
  ]);
  assert.ok(tray.choose(id, 5));
  const event = asked(program, "Event")[0]!;
  assert.deepEqual([event.path, event.interface, event.values.slice(0, 2)], ["/Menu", MENU, [5, "clicked"]]);
  // Who goes instead of answering has no menu.
  let isTaken: boolean | undefined;
  tray.activate(id, (taken) => (isTaken = taken));
  tray.openMenu(id, (found) => (menu = found));
  program.leave();
  assert.deepEqual([menu, isTaken, tray.items, tray.choose(id, 5)], [null, false, [], false]);
});

test("a program answers what it likes, and has no more signs than there is room for", () => {
  const { bus, tray } = newTray();
  const program = BusClient.named(bus);
  for (const service of ["/not//a/path", "absent.Name", ":9.9"]) register(program, service);
  assert.equal(asked(program, "GetAll").length, 0);
  register(program, "/odd");
  const odd: readonly Value[] = [
    ["Title", variant("i", 3)],
    ["Id", variant("s", "x".repeat(5000))],
    ["Menu", variant("s", "no path")],
    [
      "IconPixmap",
      variant("a(iiay)", [
        [2, 2, Uint8Array.of(1)],
        [-1, 0, new Uint8Array(0)],
      ]),
    ],
    ["ToolTip", variant("s", "none")],
  ];
  answer(program, "GetAll", "a{sv}", [odd]);
  assert.deepEqual([tray.items[0]!.title.length, tray.items[0]!.picture, tray.items[0]!.hasMenu], [256, null, false]);
  answer(program, "GetAll", "s", ["nothing that was asked"]);
  tells(program, "/odd", "NewIcon");
  answer(program, "GetAll", "s", ["of another kind"]);
  for (let count = 0; count < 100; count++) register(program, `/more${count}`);
  assert.equal(asked(program, "GetAll").length - 2, 63);
});

test("what is in the panel is asked anew where the bus goes on", () => {
  const { bus, tray } = newTray();
  const program = BusClient.named(bus);
  register(program, "/one");
  answer(program, "GetAll", "a{sv}", [PROPERTIES]);
  const later = newTray();
  const events = later.bus.goOn(bus.save(), [program.transport]);
  program.goOn(events.get(program.transport)!);
  assert.ok(later.tray.goOn(tray.save()));
  answer(program, "GetAll", "a{sv}", [PROPERTIES]);
  assert.equal(later.tray.items[0]!.title, "Two letters");
  for (const damaged of [null, [{}], [{ service: 1, owner: "", path: "" }]]) assert.ok(!newTray().tray.goOn(damaged));
});
