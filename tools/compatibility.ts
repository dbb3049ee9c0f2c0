/**
 * Writes docs/compatibility.md from the kernel's tables of system calls and settings: `npm run docs`. A test compares
 * the page with the tables.
 *
 *     node tools/compatibility.ts [--check]
 */
import { readFileSync, writeFileSync } from "node:fs";
import { dirname, join } from "node:path";
import { fileURLToPath } from "node:url";
import { SYSCALL_NAMES } from "@stratos/abi";
import { CALL_TABLES, settledValues } from "@stratos/kernel";

const PAGE = join(dirname(dirname(fileURLToPath(import.meta.url))), "docs/compatibility.md");

/** The page's text. */
export function compatibilityPage(): string {
  const rows = new Map(Object.values(CALL_TABLES).flatMap((table) => Object.entries(table)));
  const names = [...new Set(SYSCALL_NAMES.filter((name) => name !== undefined && name !== ""))].sort();
  const absent = names.filter((name) => rows.get(name)?.isAbsent ?? !rows.has(name));
  const partial = names.filter((name) => rows.get(name)?.gaps !== undefined && !absent.includes(name));
  const lines = [
    "# Compatibility",
    "",
    "Generated from the kernel's table of system calls by `npm run docs`; do not edit.",
    "",
    `The Linux ABI for riscv64 has ${names.length} system calls. ${names.length - partial.length - absent.length}` +
      ` behave as Linux documents them as far as we know, ${partial.length} differ in the ways listed, and ` +
      `${absent.length} answer ENOSYS (each is logged when a program first makes it).`,
  ];
  for (const [subsystem, table] of Object.entries(CALL_TABLES)) {
    const own = Object.keys(table)
      .filter((name) => table[name]!.isAbsent !== true)
      .sort();
    lines.push(
      "",
      `## ${subsystem.charAt(0).toUpperCase()}${subsystem.slice(1)}`,
      "",
      `Without known gaps: ${wrap(own.filter((name) => table[name]!.gaps === undefined))}`,
    );
    const gaps = own.filter((name) => table[name]!.gaps !== undefined);
    if (gaps.length > 0)
      lines.push(
        "",
        "| call | what differs from Linux |",
        "|---|---|",
        ...gaps.map((name) => `| \`${name}\` | ${table[name]!.gaps!.replaceAll("|", "\\|")} |`),
      );
  }
  // Calls that are absent for one reason stand in one line.
  const reasons = new Map<string, string[]>();
  for (const name of absent) {
    const why = rows.get(name)?.gaps ?? "no program that was met needs it";
    reasons.set(why, [...(reasons.get(why) ?? []), name]);
  }
  lines.push(
    "",
    "## Answer ENOSYS",
    "",
    "| calls | why, or what does it |",
    "|---|---|",
    ...[...reasons].map(
      ([why, own]) => `| ${own.map((name) => `\`${name}\``).join(", ")} | ${why.replaceAll("|", "\\|")} |`,
    ),
    "",
    "## Rules for packets",
    "",
    "`nft`, `iptables-nft`, firewalld, ufw and fail2ban work (decision 0075). What is not there is told as by a " +
      "Linux that was built without it:",
    "",
    "| what | how a program is told |",
    "|---|---|",
    "| types of `ipset` but `hash:ip`, `hash:net`, `hash:ip,port` and `hash:net,port`; the target `SET` | as by " +
      "Linux without them; sets have no `forceadd`, `skbinfo` and `bitmask`, and what `ipset restore` fails at is " +
      "told without its line |",
    "| `iptables -m hashlimit` and other matches that Linux has as modules | " +
      "ENOENT: `Extension hashlimit revision 0 not supported, missing kernel module?`. " +
      "`/proc/net/xt_recent` is not there, and `-m owner --suppl-groups` is EOPNOTSUPP |",
    "| `iptables -m rt --rt-0-addrs` | EOPNOTSUPP |",
    "| objects `ct helper`, `ct timeout`, `ct expectation`, `synproxy`, `secmark`; `socket`, `osf`, `tproxy`, `dup`, " +
      "`fwd`, `tunnel` | ENOENT |",
    "| `ct helper` and `ipsec` as matches | taken: no connection has a helper, no packet is of IPsec |",
    "| `ct zone`, `ct label`, `ct event` set; headers within tunnels (`vxlan ip saddr …`) | EOPNOTSUPP, ENOENT |",
    "| in the families `bridge`, `arp` and `netdev`: `ct` | EPROTO, as by Linux without nf_conntrack_bridge |",
    "| … `reject`, and but for `netdev` `fib` | ENOENT |",
    "| flow tables that a card does by itself (`flags offload`) | EOPNOTSUPP |",
    "| queues to programs (`queue`, `-j NFQUEUE`) | ENOENT |",
    "| `iptables-legacy` | `Table does not exist`: use `iptables`, which is `iptables-nft` in Debian |",
    "",
    "## Settings with one value",
    "",
    "Linux lets one change these of `/proc/sys`; here each is always what it is shown as. That value can be written, " +
      "another is refused (EINVAL), and dmesg tells why. Every other file there that can be written has its " +
      "effect, but for hints (below).",
    "",
    "| setting | value |",
    "|---|---|",
    ...settledGroups("only").map(([names, value]) => `| ${names} | ${value.replaceAll("\t", " ")} |`),
    "",
    "## Settings that are hints",
    "",
    "These of `/proc/sys` are kept and told as they were set, and change nothing.",
    "",
    "| setting | why |",
    "|---|---|",
    ...settledGroups("hint").map(([names, why]) => `| ${names} | ${why} |`),
    "",
  );
  return lines.join("\n");
}

function wrap(names: readonly string[]): string {
  return names.length === 0 ? "none." : `${names.map((name) => `\`${name}\``).join(", ")}.`;
}

/** Settings of one value, or hints of one reason, in one row. */
function settledGroups(what: "only" | "hint"): [names: string, value: string][] {
  const groups = new Map<string, string[]>();
  for (const [path, value] of settledValues(what))
    groups.set(value, [...(groups.get(value) ?? []), `\`${path.replaceAll("/", ".")}\``]);
  return [...groups].map(([value, names]) => [names.join(", "), value]);
}

if (process.argv[1] === fileURLToPath(import.meta.url)) {
  if (process.argv[2] === "--check") {
    const isFresh = readFileSync(PAGE, "utf8") === compatibilityPage();
    if (!isFresh) process.stdout.write("docs/compatibility.md is older than the kernel's table: run `npm run docs`\n");
    process.exitCode = isFresh ? 0 : 1;
  } else writeFileSync(PAGE, compatibilityPage());
}
