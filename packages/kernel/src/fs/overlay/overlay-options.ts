/** What mount(8) and fsconfig(2) may say of an overlay (Documentation/filesystems/overlayfs.rst). */
import { EINVAL } from "@stratos/abi";
import { LIST_SEPARATOR, type MountOptions } from "../../vfs/mount-options.ts";

/** OVL_MAX_STACK of Linux. */
const LAYERS_MAX = 500;

export interface OverlayOptions {
  /** Paths, the topmost first. */
  readonly lower: readonly string[];
  readonly upper: string | null;
  readonly work: string | null;
  /** Marks lie in `user.overlay.*`, where everybody may see and set them, instead of `trusted.overlay.*`. */
  readonly userXattr: boolean;
  /** Nothing is synced: what a crash loses is whoever's who mounted it so. */
  readonly isVolatile: boolean;
}

/** Those that change nothing here, by their values that do not: what Linux would do by the others is refused. */
const WITHOUT_EFFECT: Readonly<Record<string, readonly string[]>> = {
  redirect_dir: ["off", "nofollow"],
  index: ["off"],
  nfs_export: ["off"],
  metacopy: ["off"],
  verity: ["off"],
  // Numbers of files are one range for all layers (overlay.ts), whatever is asked for.
  xino: ["on", "off", "auto"],
  uuid: ["on", "off", "auto", "null"],
  default_permissions: [""],
};

export const OVERLAY_OPTION_NAMES = [
  "lowerdir",
  "lowerdir+",
  "upperdir",
  "workdir",
  "userxattr",
  "volatile",
  ...Object.keys(WITHOUT_EFFECT),
];

/** @returns 0, or −EINVAL: no value of that option */
export function checkOverlayOption(key: string, value: string): number {
  const values = WITHOUT_EFFECT[key];
  if (values !== undefined) return values.includes(value) ? 0 : -EINVAL;
  const isFlag = key === "userxattr" || key === "volatile";
  return isFlag === (value === "") ? 0 : -EINVAL;
}

/** @returns the options, or what is wrong with them, in words */
export function parseOverlayOptions(options: MountOptions): OverlayOptions | string {
  const single = options.get("lowerdir"),
    several = options.get("lowerdir+");
  if (single === undefined && several === undefined) return "missing 'lowerdir'";
  if (single !== undefined && several !== undefined) return "'lowerdir' and 'lowerdir+' exclude one another";
  const lower = several !== undefined ? several.split(LIST_SEPARATOR) : splitLayers(single!);
  if (lower.includes("")) return "empty lowerdir: data-only layers (`::`) are not supported";
  if (lower.length > LAYERS_MAX) return `too many lower directories, limit is ${LAYERS_MAX}`;
  const upper = options.get("upperdir") ?? null;
  const work = upper === null ? null : (options.get("workdir") ?? null);
  if (upper !== null && work === null) return "missing 'workdir'";
  return {
    lower,
    upper: upper === null ? null : unescape(upper),
    work: work === null ? null : unescape(work),
    userXattr: options.has("userxattr"),
    isVolatile: options.has("volatile"),
  };
}

/** Paths between colons; a backslash takes the meaning off the next character. */
function splitLayers(text: string): string[] {
  const layers = [""];
  for (let at = 0; at < text.length; at++) {
    if (text[at] === ":") layers.push("");
    else layers[layers.length - 1] += text[text[at] === "\\" && at + 1 < text.length ? ++at : at]!;
  }
  return layers;
}

function unescape(text: string): string {
  return text.replace(/\\(.)/gs, "$1");
}
