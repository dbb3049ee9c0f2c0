/**
 * What the `.msi` is made of: a program folder with the bundle and `stratos.cmd`, as wixl reads it, and an entry
 * in the system's PATH. Node is not in it: Windows has no pinned one, so `stratos.cmd` says what is missing. Each
 * file is a component of its own, as Windows Installer wants it. Sources: WiX Toolset v3 manual (Product, Package,
 * Component, Environment); Windows Installer, "Organizing Applications into Components"; RFC 9562 §5.5.
 */
import { createHash } from "node:crypto";
import { LICENSE, type Release } from "./release.ts";

/** Of all versions, so that a later one takes the place of an earlier one. */
const UPGRADE_CODE = "5D0B5E60-6B3B-5B0E-9E0C-5B1C7F5B7A10";
export const LAUNCHER = "stratos.cmd";
const NODE_NEEDED = "Node.js 24 or later must be installed, with node.exe in the PATH";

/** `stratos` in a prompt of Windows. */
export const LAUNCHER_TEXT = [
  "@echo off",
  "where /q node",
  "if errorlevel 1 (",
  `  echo stratos: node: not installed: ${NODE_NEEDED} 1>&2`,
  "  exit /b 125",
  ")",
  'node "%~dp0stratos.mjs" %*',
  "",
].join("\r\n");

/**
 * The entry in PATH, which wixl has no element for: a table as msibuild reads it, and the actions that heed it. Last in
 * the system's PATH (`*`), set (`=`), and removed with the program (`-`). Sources: Windows Installer, "Environment
 * Table", "Archive File Format", "Suggested InstallExecuteSequence".
 */
export const ENVIRONMENT_TABLE = [
  "Environment\tName\tValue\tComponent_",
  "s72\tl255\tL255\ts72",
  "Environment\tEnvironment",
  `Path\t=-*PATH\t[~];[INSTALLDIR]\t${identifier("c", LAUNCHER)}`,
  "",
].join("\r\n");
export const ENVIRONMENT_ACTIONS: readonly (readonly [action: string, sequence: number])[] = [
  ["RemoveEnvironmentStrings", 3300],
  ["WriteEnvironmentStrings", 5200],
];

/**
 * The summary of an installer without what wixl makes anew each time: a random code of the package and the clock. The
 * code is of what is in it, as two packages of one code must be the same.
 *
 * @param summary  as `msiinfo export FILE _SummaryInformation` writes it, rows of which 9, 12 and 13 are these
 * @param content  whatever distinguishes the package
 */
export function steadySummary(summary: string, release: Release, content: string): string {
  const time = new Date(release.epoch * 1000).toISOString().slice(0, 19).replaceAll("-", "/").replace("T", " ");
  return summary
    .replace(/^9\t.*?(?=\r?$)/m, `9\t{${nameUuid(`package ${release.version} ${content}`)}}`)
    .replace(/^(12|13)\t.*?(?=\r?$)/gm, `$1\t${time}`);
}

interface Folder {
  readonly folders: Map<string, Folder>;
  readonly files: string[];
}

/** @param files  paths below the program folder with `/`, each once; wixl reads them from its working folder */
export function wixSource(release: Release, files: readonly string[]): string {
  const top: Folder = { folders: new Map(), files: [] };
  for (const path of [...files].sort()) {
    let folder = top;
    for (const name of path.split("/").slice(0, -1)) {
      const next: Folder = folder.folders.get(name) ?? { folders: new Map(), files: [] };
      folder.folders.set(name, next);
      folder = next;
    }
    folder.files.push(path);
  }
  const vendor = attribute(release.maintainer.replace(/ <.*/, ""));
  const product = nameUuid(`product ${release.version}`);
  return [
    '<?xml version="1.0" encoding="utf-8"?>',
    '<Wix xmlns="http://schemas.microsoft.com/wix/2006/wi">',
    `  <Product Id="${product}" Name="Stratos" Language="1033" Version="${release.plainVersion}"`,
    `      Manufacturer=${vendor} UpgradeCode="${UPGRADE_CODE}">`,
    `    <Package InstallerVersion="500" Compressed="yes" InstallScope="perMachine" Manufacturer=${vendor}`,
    `      Description="Stratos ${release.version}" Comments=${attribute(`${NODE_NEEDED}.`)} />`,
    '    <MajorUpgrade DowngradeErrorMessage="A later version of Stratos is installed." />',
    '    <Media Id="1" Cabinet="stratos.cab" EmbedCab="yes" />',
    `    <Property Id="ARPCOMMENTS" Value=${attribute(`${NODE_NEEDED}. License: ${LICENSE}.`)} />`,
    ...(release.homepage === undefined
      ? []
      : [`    <Property Id="ARPURLINFOABOUT" Value=${attribute(release.homepage)} />`]),
    '    <Directory Id="TARGETDIR" Name="SourceDir">',
    '      <Directory Id="ProgramFiles64Folder">',
    '        <Directory Id="INSTALLDIR" Name="Stratos">',
    ...folderLines(top, "", "          "),
    "        </Directory>",
    "      </Directory>",
    "    </Directory>",
    '    <Feature Id="Main" Title="Stratos" Level="1">',
    ...[...files].sort().map((path) => `      <ComponentRef Id="${identifier("c", path)}" />`),
    "    </Feature>",
    "  </Product>",
    "</Wix>",
    "",
  ].join("\n");
}

function folderLines(folder: Folder, above: string, indent: string): string[] {
  const lines = folder.files.map((path) => {
    const id = identifier("f", path);
    const name = attribute(path.slice(path.lastIndexOf("/") + 1));
    // The component's code is of its place, so that it stays the same from version to version.
    return (
      `${indent}<Component Id="${identifier("c", path)}" Guid="${nameUuid(`component ${path}`)}" Win64="yes">` +
      `<File Id="${id}" Name=${name} Source=${attribute(path)} KeyPath="yes" /></Component>`
    );
  });
  for (const [name, below] of folder.folders) {
    const path = above === "" ? name : `${above}/${name}`;
    lines.push(
      `${indent}<Directory Id="${identifier("d", path)}" Name=${attribute(name)}>`,
      ...folderLines(below, path, `${indent}  `),
      `${indent}</Directory>`,
    );
  }
  return lines;
}

/** Letters, digits, `_` and `.` alone, 72 at most (Windows Installer, "Identifier"). */
function identifier(kind: string, path: string): string {
  return kind + createHash("sha256").update(path).digest("hex").slice(0, 32);
}

/** A UUID of a name, version 5, in a namespace of ours. */
function nameUuid(name: string): string {
  const hash = createHash("sha1")
    .update(Buffer.from(UPGRADE_CODE.replaceAll("-", ""), "hex"))
    .update(name)
    .digest();
  hash[6] = (hash[6]! & 0x0f) | 0x50;
  hash[8] = (hash[8]! & 0x3f) | 0x80;
  const hex = hash.toString("hex").toUpperCase();
  return [hex.slice(0, 8), hex.slice(8, 12), hex.slice(12, 16), hex.slice(16, 20), hex.slice(20, 32)].join("-");
}

function attribute(text: string): string {
  const named: Readonly<Record<string, string>> = { "&": "&amp;", "<": "&lt;", ">": "&gt;", '"': "&quot;" };
  return `"${text.replace(/[&<>"]/g, (character) => named[character]!)}"`;
}
