/** Where a hub's artefacts are kept, as its options say. */
import { join, resolve } from "node:path";
import { readS3Credentials, S3Bucket } from "@stratos/host-node/s3";
import { OperationError } from "@stratos/operation";
import type { BlobStore } from "./blob-store.ts";
import { BucketBlobs } from "./bucket-blobs.ts";
import { FolderBlobs } from "./folder-blobs.ts";

export interface BlobPlaceOptions {
  /** A folder, or `s3://BUCKET[/PREFIX]`; absent: `blobs` of the hub's folder. */
  readonly artefacts?: string;
  /** Absent: AWS_ENDPOINT_URL, else Amazon's. */
  readonly s3Endpoint?: string;
  /** Absent: AWS_REGION, else us-east-1. */
  readonly s3Region?: string;
  /** `AES256`, or `aws:kms` with `:KEY` behind it or not. */
  readonly s3Encryption?: string;
  readonly s3Redirect?: boolean;
}

/** @param state  folder of this hub's files. @throws OperationError */
export async function openBlobs(options: BlobPlaceOptions, state: string): Promise<BlobStore> {
  const { artefacts = join(state, "blobs"), s3Endpoint, s3Region, s3Encryption, s3Redirect = false } = options;
  const isBucket = /^s3:/.test(artefacts);
  const [other] = Object.entries({ endpoint: s3Endpoint, region: s3Region, encryption: s3Encryption })
    .filter(([, value]) => value !== undefined)
    .map(([name]) => name);
  if (!isBucket) {
    if (other !== undefined || s3Redirect)
      throw new OperationError(
        "option",
        `--s3-${other ?? "redirect"}`,
        "is of a bucket: --artefacts s3://BUCKET/PREFIX",
      );
    if (/^\w+:\/\//.test(artefacts))
      throw new OperationError("option", "--artefacts", `${artefacts}: expected a folder or s3://BUCKET/PREFIX`);
    return new FolderBlobs(resolve(artefacts));
  }
  const place = /^s3:\/\/([a-z0-9][a-z0-9.-]{1,61}[a-z0-9])(?:\/(.*?)\/*)?$/.exec(artefacts);
  if (place === null) throw new OperationError("option", "--artefacts", `${artefacts}: expected s3://BUCKET/PREFIX`);
  const [, bucket, prefix = ""] = place;
  const endpoint = s3Endpoint ?? process.env["AWS_ENDPOINT_URL"];
  if (endpoint !== undefined && !/^https?:\/\/[^/?#@]+(\/[^?#]*)?$/.test(endpoint))
    throw new OperationError("option", "--s3-endpoint", `${endpoint}: expected http:// or https:// and a host`);
  const encryption = /^(AES256|aws:kms)(?::(.+))?$/.exec(s3Encryption ?? "");
  if (
    s3Encryption !== undefined &&
    (encryption === null || (encryption[1] === "AES256" && encryption[2] !== undefined))
  )
    throw new OperationError("option", "--s3-encryption", `${s3Encryption}: expected AES256, aws:kms or aws:kms:KEY`);
  const found = readS3Credentials(process.env);
  if ("problem" in found) throw new OperationError("hub", artefacts, found.problem);
  const blobs = new BucketBlobs(
    new S3Bucket({
      bucket: bucket!,
      prefix: prefix === "" ? "" : `${prefix}/`,
      endpoint,
      region: s3Region ?? process.env["AWS_REGION"] ?? "us-east-1",
      credentials: found.credentials,
      encryption: encryption === null ? undefined : { algorithm: encryption[1]!, keyId: encryption[2] },
    }),
    { folder: join(state, "uploads"), isRedirected: s3Redirect },
  );
  try {
    await blobs.check();
  } catch (error) {
    throw new OperationError("hub", artefacts, (error as Error).message, { cause: error });
  }
  return blobs;
}
