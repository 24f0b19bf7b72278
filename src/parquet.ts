/**
 * `xstate-pipeline/parquet`: Parquet files as source and sink, through `hyparquet` and `hyparquet-writer`, optional peers.
 */
export type { ParquetType } from './parquet/column-types.js';
export { type ParquetEndpoint, type ParquetOptions, parquet } from './parquet/parquet.js';
