import { afterEach } from 'vitest';
import { endTest } from '../test-end.js';

afterEach(endTest);
