/** `--otel`: the telemetry of a run through the OpenTelemetry SDK that `node --import` has loaded. */
import { InvalidOptionError } from '../errors.js';
import type { Telemetry } from '../otel.js';
import { codeOf } from '../platform/thrown.js';

/** @throws {InvalidOptionError} if the API of OpenTelemetry is not installed. */
export async function loadTelemetry(): Promise<Telemetry> {
  try {
    const { hasOpenTelemetrySdk, openTelemetry } = await import('../otel.js');
    if (!hasOpenTelemetrySdk())
      throw new InvalidOptionError(
        '--otel needs an OpenTelemetry SDK in this process. Load one with NODE_OPTIONS="--import ./telemetry.mjs", a module that registers it.',
      );
    return openTelemetry();
  } catch (error) {
    if (codeOf(error) !== 'ERR_MODULE_NOT_FOUND') throw error;
    throw new InvalidOptionError(
      '--otel needs the package @opentelemetry/api. Install it: npm install @opentelemetry/api',
      { cause: error },
    );
  }
}
