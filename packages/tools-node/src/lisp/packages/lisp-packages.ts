/** Packages of AstraLisp's libraries: Debian packages, made of a folder with `package.scm`, on the host in a folder. */
export { buildLispPackage } from "./build-package.ts";
export { packageOfRepository, type RepositoryPlace } from "./package-repository.ts";
export { readDescription } from "./package-description.ts";
export { type InstalledPackage, PackageSite } from "./package-site.ts";
