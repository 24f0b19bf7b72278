/** What `--inspect` can mean: the product's own page, or somebody else's viewer. */
export const INSPECTORS = ['page', 'classic', 'stately'] as const;
export type InspectorKind = (typeof INSPECTORS)[number];
