/** What the service tells of systems, images, volumes and jobs, beyond what the library's own types say. */
interface UsedPart {
  readonly usedBytes: number;
  readonly limitBytes: number;
}

export interface SystemUsage {
  readonly memory: UsedPart;
  readonly disk: UsedPart;
  readonly cpuMs: number;
  readonly instructions: number;
  readonly processes: number;
}

/** Of $STRATOS_HOME. */
export interface DiskUse {
  readonly folders: readonly { readonly name: string; readonly bytes: number }[];
  /** Of the file system that it is on. */
  readonly freeBytes: number;
  readonly sizeBytes: number;
}

export interface ImageEntry {
  readonly name: string;
  readonly sizeBytes: number;
}

export interface FoundVolume {
  readonly uuid: string | null;
  readonly label: string;
  readonly encrypted: boolean;
  readonly mountPoints: readonly string[];
  readonly devices: readonly { readonly path: string; readonly sizeBytes: number }[];
}

export interface JobEntry {
  readonly id: number;
  readonly command: readonly string[];
  readonly by: string;
  readonly isRunning: boolean;
  readonly startedMs: number;
  readonly exitCode: number | null;
  readonly signal: string | null;
  readonly cause: string | null;
  readonly progress: string;
  readonly percent: number | null;
}

export interface AuditLine {
  readonly atMs: number;
  readonly name: string;
  readonly role: string;
  readonly operation: string;
  readonly target: string;
  readonly status: number;
}
