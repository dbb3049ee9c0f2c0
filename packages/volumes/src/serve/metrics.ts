/** What a server of volumes tells of them and of itself. */
import { health } from "@stratos/aegisfs";
import { volumeSpace } from "../volume-usage.ts";
import { MetricsText, type RequestCounters } from "./metrics-text.ts";
import type { ServedVolumes } from "./served-volumes.ts";

export function metricsText(volumes: ServedVolumes, requests: RequestCounters): string {
  const metrics = new MetricsText();
  const all = volumes.all.map((volume) => ({
    volume,
    label: `volume="${volume.name}"`,
    space: volumeSpace(volume.opened),
    health: health(volume.opened.volume),
  }));
  metrics.family(
    "stratos_fs_size_bytes",
    "gauge",
    "Size of the volume.",
    all.map(({ label, space }) => [label, space.sizeBytes]),
  );
  metrics.family(
    "stratos_fs_used_bytes",
    "gauge",
    "Space in use.",
    all.map(({ label, space }) => [label, space.usedBytes]),
  );
  metrics.family(
    "stratos_fs_free_bytes",
    "gauge",
    "Space that files can take.",
    all.map(({ label, space }) => [label, space.freeBytes]),
  );
  metrics.family(
    "stratos_fs_files",
    "gauge",
    "Inodes of the live files.",
    all.map(({ label, space }) => [label, space.files]),
  );
  metrics.family(
    "stratos_fs_snapshots",
    "gauge",
    "Snapshots.",
    all.map(({ label, space }) => [label, space.snapshots]),
  );
  metrics.family(
    "stratos_fs_commits_total",
    "counter",
    "Commits since the volume was made.",
    all.map(({ label, volume }) => [label, volume.opened.volume.superblock.generation]),
  );
  metrics.family(
    "stratos_fs_healthy",
    "gauge",
    "1 while nothing is degraded, damaged or failed.",
    all.map(({ label, health: { state } }) => [label, state === "healthy" || state === "repaired" ? 1 : 0]),
  );
  for (const [name, field, help] of [
    ["read_errors", "readErrors", "Reads that the device refused."],
    ["write_errors", "writeErrors", "Writes that the device refused."],
    ["corrupt_blocks", "corruptBlocks", "Blocks that failed their checksum."],
    ["repaired_blocks", "repairedBlocks", "Blocks repaired from another copy."],
    ["lost_blocks", "lostBlocks", "Blocks of which no good copy is left."],
  ] as const) {
    metrics.family(
      `stratos_fs_device_${name}_total`,
      "counter",
      help,
      all.flatMap(({ label, health: { devices } }) =>
        devices.map((device) => [`${label},device="${device.index}"`, device.errors[field]] as const),
      ),
    );
  }
  for (const [name, field, help] of [
    ["read_bytes", "readBytes", "Bytes of the volume read since it was opened."],
    ["written_bytes", "writtenBytes", "Bytes of the volume written since it was opened."],
  ] as const)
    metrics.family(
      `stratos_fs_device_${name}_total`,
      "counter",
      help,
      all.flatMap(({ label, health: { devices } }) =>
        devices.map((device) => [`${label},device="${device.index}"`, device[field]] as const),
      ),
    );
  metrics.family(
    "stratos_fs_scrub_running",
    "gauge",
    "1 while a scrub runs.",
    all.map(({ label, volume }) => [label, volume.scrubState?.running === true ? 1 : 0]),
  );
  metrics.family(
    "stratos_fs_schedule_runs_total",
    "counter",
    "Runs of the snapshot schedule.",
    all.map(({ label, volume }) => [label, volume.scheduleRuns]),
  );
  metrics.family(
    "stratos_fs_schedule_failures_total",
    "counter",
    "Runs of the snapshot schedule that failed.",
    all.map(({ label, volume }) => [label, volume.scheduleFailures]),
  );
  metrics.family(
    "stratos_fs_backup_runs_total",
    "counter",
    "Backups made.",
    all.map(({ label, volume }) => [label, volume.backupRuns]),
  );
  metrics.family(
    "stratos_fs_backup_failures_total",
    "counter",
    "Backups that failed.",
    all.map(({ label, volume }) => [label, volume.backupFailures]),
  );
  requests.write(metrics, "stratos_fs");
  return metrics.toString();
}
