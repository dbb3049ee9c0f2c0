/** The machine's screen, keyboard and pointer in sysfs(5), where udev, libdrm and libinput look for them. */
import {
  ABS_MAX,
  DRM_MAJOR,
  EV_ABS,
  EV_KEY,
  EV_LED,
  EV_MAX,
  EV_REL,
  EV_SYN,
  EVDEV_MINOR_BASE,
  FB_MAJOR,
  INPUT_MAJOR,
  INPUT_PROP_MAX,
  KEY_MAX,
  LED_MAX,
  REL_MAX,
} from "@stratos/abi";
import { hex64 } from "../ground/words.ts";
import type { DrmCard } from "../graphics/drm-card.ts";
import type { InputDevice } from "../input/input-device.ts";
import type { InputDevices } from "../input/input-kernel.ts";
import { type PseudoDirectory, PseudoFile, type PseudoFileSystem, PseudoLink } from "../pseudo/pseudo-inodes.ts";

const SCREEN_PATH = "devices/platform/stratos-screen";
const ATTRIBUTE_SIZE = 4096;

interface Place {
  readonly fileSystem: PseudoFileSystem;
  /** Makes the folder of that path. */
  directory(path: string): PseudoDirectory;
}

export function addScreenDirectories(place: Place, card: DrmCard): void {
  const { screen } = card;
  addFiles(place, SCREEN_PATH, {
    uevent: "DRIVER=stratos\nMODALIAS=platform:stratos-screen\n",
    modalias: "platform:stratos-screen\n",
  });
  link(place, SCREEN_PATH, "subsystem", "bus/platform");
  link(place, "bus/platform/devices", "stratos-screen", SCREEN_PATH);
  const cardPath = `${SCREEN_PATH}/drm/card0`;
  addDevice(place, cardPath, "drm", { major: DRM_MAJOR, minor: 0, node: "dri/card0", type: "drm_minor" });
  link(place, cardPath, "device", SCREEN_PATH);
  const connector = `${cardPath}/card0-Virtual-1`;
  addFiles(place, connector, {
    uevent: "",
    status: "connected\n",
    enabled: () => (screen.scanout === null ? "disabled\n" : "enabled\n"),
    dpms: () => (screen.power === 0 ? "On\n" : "Off\n"),
    modes: screen.modes.map(({ width, height }) => `${width}x${height}\n`).join(""),
    edid: "",
  });
  link(place, connector, "subsystem", "class/drm");
  link(place, connector, "device", cardPath);
  link(place, "class/drm", "card0-Virtual-1", connector);
  const consolePath = `${SCREEN_PATH}/graphics/fb0`;
  addDevice(place, consolePath, "graphics", { major: FB_MAJOR, minor: 0, node: "fb0" });
  addFiles(place, consolePath, {
    name: "stratosdrmfb\n",
    bits_per_pixel: "32\n",
    virtual_size: `${screen.width},${screen.height}\n`,
    stride: `${screen.consolePitch}\n`,
  });
  link(place, consolePath, "device", SCREEN_PATH);
}

export function addInputDirectories(place: Place, input: InputDevices): void {
  for (const [index, device] of input.all.entries()) {
    const path = `devices/virtual/input/input${index}`;
    const { id, name, abilities } = device;
    const bits = (type: number, most: number): string => bitmap(abilities.codes.get(type) ?? [], most);
    const types = bitmap([EV_SYN, ...abilities.codes.keys()], EV_MAX);
    const product = [id.bustype, id.vendor, id.product, id.version].map((each) => each.toString(16)).join("/");
    addFiles(place, path, {
      name: `${name}\n`,
      phys: "\n",
      uniq: "\n",
      properties: `${bitmap(abilities.properties, INPUT_PROP_MAX)}\n`,
      uevent:
        `PRODUCT=${product}\nNAME="${name}"\nPROP=${bitmap(abilities.properties, INPUT_PROP_MAX)}\nEV=${types}\n` +
        variables(device),
    });
    addFiles(place, `${path}/id`, {
      bustype: `${hex4(id.bustype)}\n`,
      vendor: `${hex4(id.vendor)}\n`,
      product: `${hex4(id.product)}\n`,
      version: `${hex4(id.version)}\n`,
    });
    addFiles(place, `${path}/capabilities`, {
      ev: `${types}\n`,
      key: `${bits(EV_KEY, KEY_MAX)}\n`,
      rel: `${bits(EV_REL, REL_MAX)}\n`,
      abs: `${bits(EV_ABS, ABS_MAX)}\n`,
      led: `${bits(EV_LED, LED_MAX)}\n`,
      ...{ msc: "0\n", snd: "0\n", ff: "0\n", sw: "0\n" },
    });
    link(place, path, "subsystem", "class/input");
    link(place, "class/input", `input${index}`, path);
    const minor = EVDEV_MINOR_BASE + index;
    addDevice(place, `${path}/event${index}`, "input", { major: INPUT_MAJOR, minor, node: `input/event${index}` });
    link(place, `${path}/event${index}`, "device", path);
  }
}

/** `KEY=` and its like, of what the device has. */
function variables({ abilities }: InputDevice): string {
  return [
    ["KEY", EV_KEY, KEY_MAX],
    ["REL", EV_REL, REL_MAX],
    ["ABS", EV_ABS, ABS_MAX],
    ["LED", EV_LED, LED_MAX],
  ]
    .filter(([, type]) => abilities.codes.has(type as number))
    .map(([name, type, most]) => `${name}=${bitmap(abilities.codes.get(type as number)!, most as number)}\n`)
    .join("");
}

/** Words of 64 bits in hexadecimal, the highest first, without leading empty ones (input.c, input_print_bitmap). */
function bitmap(codes: Iterable<number>, most: number): string {
  const words = new Array<[low: number, high: number]>();
  for (let at = 0; at <= most; at += 64) words.push([0, 0]);
  for (const code of codes) words[Math.floor(code / 64)]![(code >>> 5) & 1]! |= 1 << (code & 31);
  while (words.length > 1 && words.at(-1)!.every((half) => half === 0)) words.pop();
  return words
    .reverse()
    .map(([low, high]) => hex64(low, high))
    .join(" ");
}

function hex4(value: number): string {
  return value.toString(16).padStart(4, "0");
}

function addDevice(
  place: Place,
  path: string,
  subsystem: string,
  { major, minor, node, type }: { major: number; minor: number; node: string; type?: string },
): void {
  addFiles(place, path, {
    dev: `${major}:${minor}\n`,
    uevent: `MAJOR=${major}\nMINOR=${minor}\nDEVNAME=${node}\n${type === undefined ? "" : `DEVTYPE=${type}\n`}`,
  });
  link(place, path, "subsystem", `class/${subsystem}`);
  link(place, `class/${subsystem}`, path.slice(path.lastIndexOf("/") + 1), path);
  link(place, "dev/char", `${major}:${minor}`, path);
}

function addFiles(place: Place, path: string, files: Readonly<Record<string, string | (() => string)>>): void {
  for (const [name, source] of Object.entries(files)) {
    const file = new PseudoFile(place.fileSystem, typeof source === "string" ? () => source : source);
    file.size = ATTRIBUTE_SIZE;
    place.directory(path).add(name, file);
  }
}

/** A link from a folder to a place below /sys. */
function link(place: Place, folder: string, name: string, target: string): void {
  place.directory(target);
  const up = "../".repeat(folder.split("/").length);
  place.directory(folder).add(name, new PseudoLink(place.fileSystem, `${up}${target}`));
}
