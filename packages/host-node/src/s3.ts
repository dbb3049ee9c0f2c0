export { S3Bucket, S3Error, type S3Object, type S3Options } from "./s3-bucket.ts";
export { readS3Credentials, type S3Credentials } from "./s3-credentials.ts";
