/** The values of `--inspect`: the product's own page, or another viewer. */
export const INSPECTORS = ['page', 'classic', 'stately'] as const;
export type InspectorKind = (typeof INSPECTORS)[number];
