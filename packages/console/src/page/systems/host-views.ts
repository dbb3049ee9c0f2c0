/** Volumes that are found on the host, and the audit log: tables to look at. */
import type { AuditLine, FoundVolume } from "@stratos/panels/systems";
import { element, table } from "../elements.ts";
import { moment, size } from "../language.ts";
import { ask } from "./rest.ts";
import type { View } from "./view.ts";
import { say } from "./words.ts";

export const volumesView: View = async () => {
  const volumes = await ask<readonly FoundVolume[]>("GET", "/volumes");
  const rows = volumes.map(({ uuid, label, mountPoints, devices }) => [
    label === "" ? (uuid ?? say("encrypted")) : label,
    devices.map(({ path, sizeBytes }) => `${path}, ${size(sizeBytes)}`).join("; "),
    mountPoints.join("; "),
  ]);
  return [
    element("h2", {}, say("volumes")),
    rows.length === 0
      ? element("p", {}, say("none"))
      : table(say("volumes"), [say("name"), say("devices"), say("mountedOn")], rows),
  ];
};

export const auditView: View = async () => {
  const entries = await ask<readonly AuditLine[]>("GET", "/audit");
  const rows = entries.map(({ atMs, name, role, operation, target, status }) => [
    moment(atMs),
    name,
    role,
    operation,
    target,
    String(status),
  ]);
  const heads = [say("when"), say("who"), say("role"), say("operation"), say("target"), say("answer")];
  return [element("h2", {}, say("audit")), table(say("audit"), heads, rows)];
};
