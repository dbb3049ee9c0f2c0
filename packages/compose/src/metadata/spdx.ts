/**
 * A software bill of materials in SPDX 2.3 (JSON): each package of an image, by name, version, source, hash and package
 * URL. Source: spdx-spec, schemas/spdx-schema.json of 2.3.
 */
import { rfc3339 } from "@stratos/formats";
import type { ImageRecord } from "./composeinfo.ts";
import type { JsonObject } from "../treefile/json.ts";

/** @param namespace  a URI that no other document has */
export function spdxDocument(record: ImageRecord, namespace: string): JsonObject {
  const { target, locked, epochSeconds } = record;
  const name = `${target.config.name}-${target.variant}-${target.architecture}`;
  const packages = [...locked.packages].sort((left, right) =>
    left.name < right.name ? -1 : left.name > right.name ? 1 : 0,
  );
  return {
    spdxVersion: "SPDX-2.3",
    dataLicense: "CC0-1.0",
    SPDXID: "SPDXRef-DOCUMENT",
    name,
    documentNamespace: namespace,
    creationInfo: { created: rfc3339(epochSeconds), creators: ["Tool: stratos-compose"] },
    documentDescribes: ["SPDXRef-Image"],
    packages: [
      {
        SPDXID: "SPDXRef-Image",
        name,
        versionInfo: target.config.version ?? "0",
        downloadLocation: "NOASSERTION",
        filesAnalyzed: false,
        primaryPackagePurpose: "OPERATING_SYSTEM",
      },
      ...packages.map((one) => ({
        SPDXID: spdxId(one.name),
        name: one.name,
        versionInfo: one.version,
        downloadLocation: one.url.startsWith("file:") ? "NOASSERTION" : one.url,
        filesAnalyzed: false,
        licenseConcluded: "NOASSERTION",
        licenseDeclared: "NOASSERTION",
        copyrightText: "NOASSERTION",
        supplier: "Organization: Debian",
        sourceInfo: `built from source package: ${one.source}`,
        checksums: [{ algorithm: "SHA256", checksumValue: one.sha256 }],
        externalRefs: [
          {
            referenceCategory: "PACKAGE-MANAGER",
            referenceType: "purl",
            referenceLocator:
              `pkg:deb/debian/${encodeURIComponent(one.name)}@${encodeURIComponent(one.version)}` +
              `?arch=${one.architecture}&distro=${encodeURIComponent(locked.codename)}`,
          },
        ],
      })),
    ],
    relationships: [
      { spdxElementId: "SPDXRef-DOCUMENT", relationshipType: "DESCRIBES", relatedSpdxElement: "SPDXRef-Image" },
      ...packages.map((one) => ({
        spdxElementId: "SPDXRef-Image",
        relationshipType: "CONTAINS",
        relatedSpdxElement: spdxId(one.name),
      })),
    ],
  };
}

function spdxId(name: string): string {
  return `SPDXRef-Package-${name.replaceAll("+", ".plus.").replace(/[^A-Za-z0-9.-]/g, "-")}`;
}
