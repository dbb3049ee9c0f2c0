/** Values of options: each parser returns a value that can only be legal, or throws `InvalidArgumentError` in words. */
import { isIP } from "node:net";
import { InvalidArgumentError } from "commander";
import type { SharedFolder } from "@stratos/images";
import { POSITIONS, readPosition, type ReplayPosition } from "@stratos/session/replay-position";
import type { PublishedPort } from "@stratos/host-node";
import type { NetRule } from "@stratos/sdk/api";
import type { EnvironmentSetting } from "@stratos/session";
import { MAX_HARTS } from "@stratos/abi";
import { MACHINE_MEMORY_MIN } from "@stratos/session/limits";
import { bytesOfSize } from "@stratos/base/bytes-of-size";
import { splitWords } from "@stratos/base/split-words";
import { formatSize } from "@stratos/operation";
import { UsageError } from "./command-error.ts";
import { givenVariable } from "./given-variable.ts";

/** `K=V`; `K` alone takes the value that Stratos itself was given. */
export function parseEnvironment(text: string, previous: readonly EnvironmentSetting[]): readonly EnvironmentSetting[] {
  const equals = text.indexOf("=");
  const name = equals === -1 ? text : text.slice(0, equals);
  if (name === "") throw new InvalidArgumentError("a name is missing before '='");
  const advice = `; a program is given bytes as they are by \`-- env "${name}=$${name}" CMD\``;
  const value = equals === -1 ? givenVariable(name, advice) : text.slice(equals + 1);
  return value === undefined ? previous : [...previous, { name, value }];
}

/** `HOST:GUEST[:ro|:rw]`. The last colons count, so that a host path may hold some. */
export function parseVolume(text: string, previous: readonly SharedFolder[]): readonly SharedFolder[] {
  const match = /^(.+?):(\/[^:]*)(?::(ro|rw))?$/s.exec(text);
  if (match === null) throw new InvalidArgumentError("expected HOST:GUEST or HOST:GUEST:ro, where GUEST is absolute");
  const guest = match[2]!.replace(/\/+/g, "/").replace(/(.)\/$/, "$1");
  if (guest === "/") throw new InvalidArgumentError("the guest's / cannot be replaced");
  if (guest.split("/").some((name) => name === "." || name === ".."))
    throw new InvalidArgumentError("the guest's path must not contain '.' or '..'");
  if (previous.some((each) => each.guest === guest)) throw new InvalidArgumentError(`${guest} was given before`);
  return [...previous, { host: match[1]!, guest, isReadOnly: match[3] === "ro" }];
}

/** `8080:80`, `127.0.0.1:8080:80`, `[::1]:5353:53/udp`, as container engines have it. */
export function parsePublished(text: string, previous: readonly PublishedPort[]): readonly PublishedPort[] {
  const match = /^(?:(\d+(?:\.\d+){3}|\[[0-9a-f:.]+\]):)?(\d{1,5}):(\d{1,5})(?:\/(tcp|udp))?$/i.exec(text);
  if (match === null)
    throw new InvalidArgumentError("expected HOST:GUEST, ADDRESS:HOST:GUEST, or one of these with /udp");
  const [hostPort, guestPort] = [Number(match[2]), Number(match[3])];
  const hostAddress = match[1]?.replace(/[[\]]/g, "") ?? null;
  if (hostPort > 65535 || guestPort > 65535 || guestPort === 0)
    throw new InvalidArgumentError("a port is a number from 1 to 65535");
  if (hostAddress !== null && isIP(hostAddress) === 0) throw new InvalidArgumentError(`not an address: ${hostAddress}`);
  const type = match[4]?.toLowerCase() === "udp" ? "datagram" : "stream";
  const others = previous.filter((each) => each.type === type);
  if (others.some((each) => each.guestPort === guestPort))
    throw new InvalidArgumentError(`the guest's port ${guestPort} was given before`);
  const isSamePlace = (other: string | null): boolean =>
    other === null || hostAddress === null || other === hostAddress;
  if (hostPort !== 0 && others.some((each) => each.hostPort === hostPort && isSamePlace(each.hostAddress)))
    throw new InvalidArgumentError(`the host's port ${hostPort} was given before`);
  return [...previous, { type, hostAddress, hostPort, guestPort }];
}

/** With ports or without; and an IPv6 address or prefix without brackets, which then has none. */
const NET_TARGET = /^(?:\[([^\]]+)\]|([^:[\]]+?))(?::(\d{1,5})(?:-(\d{1,5}))?)?(?:\/(tcp|udp|icmp))?$/i;
const BARE_IPV6 = /^([^[\]/]*:[^[\]/]*:[^[\]/]*(?:\/\d+)?)(?:\/(tcp|udp|icmp))?$/i;

/** What a rule of the network is about, without what it says of it. */
export interface NetTarget extends Pick<NetRule, "ports" | "protocol"> {
  readonly target: string;
}

/** `example.org`, `*.example.org:443`, `10.0.0.0/8:1000-2000/udp`, `[2001:db8::1]:80`: what the SDK's rules take. */
export function parseNetTarget(text: string, previous: readonly NetTarget[] = []): readonly NetTarget[] {
  const [, ip, bareProtocol] = BARE_IPV6.exec(text) ?? [];
  const [, bracketed, plain, first, last = first, withProtocol] = NET_TARGET.exec(text) ?? [];
  const target = ip ?? bracketed ?? plain;
  if (target === undefined)
    throw new InvalidArgumentError(
      "expected NAME, *.NAME, ADDRESS, PREFIX/BITS or *, then :PORT or :FIRST-LAST, and /tcp, /udp or /icmp",
    );
  const protocol = (bareProtocol ?? withProtocol)?.toLowerCase() as NetTarget["protocol"];
  return [
    ...previous,
    {
      target,
      ...(first === undefined ? {} : { ports: [[Number(first), Number(last)]] }),
      ...(protocol === undefined ? {} : { protocol }),
    },
  ];
}

/** A secret that the environment has under that name, and whom it is for. */
export interface SecretChoice {
  readonly name: string;
  readonly hosts: readonly string[];
}

/** `API_KEY=api.example.com,192.0.2.7` */
export function parseSecret(text: string, previous: readonly SecretChoice[] = []): readonly SecretChoice[] {
  const [, name, list = ""] = /^([A-Za-z_]\w*)=(.+)$/.exec(text) ?? [];
  if (name === undefined) throw new InvalidArgumentError("expected NAME=HOST, and further hosts behind commas");
  if (previous.some((each) => each.name === name)) throw new InvalidArgumentError(`${name} was given before`);
  givenVariable(name);
  return [...previous, { name, hosts: list.split(",") }];
}

/**
 * `512M`, `2G`, `2147483648`: bytes, a multiple of a page, enough for a machine; which is the largest only the machine
 * knows.
 */
export function parseMemory(text: string): number {
  const bytes = bytesOfSize(text);
  if (bytes === undefined) throw new InvalidArgumentError("expected a size such as 512M or 2G");
  const size = Math.floor(bytes / PAGE) * PAGE;
  if (size < MACHINE_MEMORY_MIN) throw new InvalidArgumentError(`at least ${formatSize(MACHINE_MEMORY_MIN)} is needed`);
  return size;
}

const PAGE = 4096;

/** https://reproducible-builds.org/specs/source-date-epoch/ @throws UsageError */
export function sourceDateEpoch(): number | undefined {
  const text = process.env["SOURCE_DATE_EPOCH"];
  if (text === undefined || text === "") return undefined;
  if (!/^\d{1,12}$/.test(text)) throw new UsageError("SOURCE_DATE_EPOCH", `'${text}' is no number of seconds`);
  return Number(text);
}

/** Seconds, or with a unit (`90s`, `5m`, `1.5h`); as milliseconds. */
export function parseTimeout(text: string): number {
  const match = /^(\d+(?:\.\d+)?)([smh]?)$/.exec(text);
  const seconds = match === null ? Number.NaN : Number(match[1]) * SECONDS_OF[match[2]! || "s"]!;
  if (!(seconds > 0)) throw new InvalidArgumentError("expected seconds, above 0, or a time such as 90s, 5m or 1h");
  if (seconds > 2 ** 31 / 1000) throw new InvalidArgumentError("at most 24 days");
  return seconds * 1000;
}

/** 0: any that is free. */
export function parsePort(text: string): number {
  const port = Number(text);
  if (!(/^\d{1,5}$/.test(text) && port <= 65535)) throw new InvalidArgumentError("expected a port from 0 to 65535");
  return port;
}

const SECONDS_OF: Readonly<Record<string, number>> = { s: 1, m: 60, h: 3600 };

/** `30s`, `5m`, `1h`, as milliseconds. */
export function parseInterval(text: string): number {
  const match = /^(\d{1,5})([smh])$/.exec(text);
  const ms = match === null ? 0 : Number(match[1]) * SECONDS_OF[match[2]!]! * 1000;
  if (ms === 0 || ms > 24 * 3_600_000)
    throw new InvalidArgumentError("expected a time such as 30s, 5m or 1h, up to 24h");
  return ms;
}

export function parseSeed(text: string): number {
  if (!/^\d{1,10}$/.test(text) || Number(text) > 0xffffffff)
    throw new InvalidArgumentError("expected a number from 0 to 4294967295");
  return Number(text);
}

export function parsePosition(text: string): ReplayPosition {
  const position = readPosition(text);
  if (position === null) throw new InvalidArgumentError(`expected ${POSITIONS}`);
  return position;
}

/** 0: any that is free. */
export function parseGdbPort(text: string): number | "-" {
  if (text === "-") return "-";
  const port = Number(text.replace(/^:/, ""));
  if (!/^:?\d{1,5}$/.test(text) || port > 65535) throw new InvalidArgumentError("expected a port, or -");
  return port;
}

export function parseProcess(text: string): number {
  if (!/^[1-9]\d{0,6}$/.test(text)) throw new InvalidArgumentError("expected the number of a process");
  return Number(text);
}

/** Largest screen in pixels each way; a smaller one than the least mode is none. */
const SCREEN_MAX = 8192,
  SCREEN_MIN = 64;

/** `1280x800` */
export function parseScreen(text: string): { width: number; height: number } {
  const match = /^(\d{1,5})x(\d{1,5})$/i.exec(text);
  const [width, height] = [Number(match?.[1]), Number(match?.[2])];
  const fits = (size: number): boolean => size >= SCREEN_MIN && size <= SCREEN_MAX;
  if (!fits(width) || !fits(height))
    throw new InvalidArgumentError(`expected WIDTHxHEIGHT in pixels, ${SCREEN_MIN} to ${SCREEN_MAX} each`);
  return { width, height };
}

export function parseHarts(text: string): number {
  if (!/^[1-9]\d*$/.test(text) || Number(text) > MAX_HARTS)
    throw new InvalidArgumentError(`expected a number from 1 to ${MAX_HARTS}`);
  return Number(text);
}

/** An image's name is also a folder's. */
export function parseImageName(text: string): string {
  if (!/^[A-Za-z0-9][A-Za-z0-9._-]{0,63}$/.test(text))
    throw new InvalidArgumentError(
      "a name has letters, digits, '.', '_' and '-', begins with a letter or digit, and has at most 64 characters",
    );
  return text;
}

/** An image, or a state of its past, which `pkg history` names: `NAME@CHANGE`, `NAME@CHANGE-before`. */
export function parseImageState(text: string): string {
  const state = /@[1-9]\d{0,8}(-before)?$/.exec(text);
  parseImageName(state === null ? text : text.slice(0, state.index));
  return text;
}

/** `USER[:GROUP]`, names or numbers. */
export function parseUser(text: string): string {
  if (!/^[^:\s/]+(:[^:\s/]+)?$/.test(text)) throw new InvalidArgumentError("expected USER or USER:GROUP");
  return text;
}

export function parseGuestDirectory(text: string): string {
  if (!text.startsWith("/") || text.includes("\0"))
    throw new InvalidArgumentError("expected an absolute path in the guest");
  return text;
}

/** Of an option that may be given several times: one value each. */
export function collect(text: string, previous: readonly string[] = []): readonly string[] {
  return [...previous, text];
}

/** Comma- or space-separated package names; may be given several times. Source of the form: Debian policy §5.6.1. */
export function parsePackages(text: string, previous: readonly string[]): readonly string[] {
  const names = text.split(/[\s,]+/).filter((name) => name !== "");
  for (const name of names) {
    if (!/^[a-z0-9][a-z0-9+.-]+$/.test(name)) throw new InvalidArgumentError(`'${name}' is not a package name`);
  }
  return [...previous, ...names];
}

/** A program and its arguments, in one word of ours. */
export function parseWords(text: string): readonly string[] {
  const words = splitWords(text);
  if (words === null) throw new InvalidArgumentError("a quote is open at its end");
  if (words.length === 0) throw new InvalidArgumentError("a program is missing");
  return words;
}

export function parseListen(text: string): { host: string; port: number } {
  const match = /^(?:(.+):)?(\d{1,5})$/.exec(text);
  if (match === null || Number(match[2]) > 65_535) throw new InvalidArgumentError("expected HOST:PORT or PORT");
  return { host: (match[1] ?? "127.0.0.1").replace(/^\[(.*)\]$/, "$1"), port: Number(match[2]) };
}
