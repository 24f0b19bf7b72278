/** A failure to start an inspector or to export, with a stable `code`. */
export class InspectorError extends Error {
  override readonly name = 'InspectorError';

  constructor(
    message: string,
    readonly code: 'BAD_ADDRESS' | 'PORT_IN_USE' | 'NOT_BUILT' | 'NOTHING_TO_EXPORT',
    options?: ErrorOptions,
  ) {
    super(message, options);
  }
}
