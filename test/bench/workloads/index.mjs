/** All workloads, in the order in which they run. */
import { W1 } from './w1.mjs';
import { W2 } from './w2.mjs';
import { W3 } from './w3.mjs';
import { W4 } from './w4.mjs';
import { W5 } from './w5.mjs';
import { W6 } from './w6.mjs';
import { W7 } from './w7.mjs';
import { W8 } from './w8.mjs';
import { W9 } from './w9.mjs';
import { W12 } from './w12.mjs';

/** @type {import('./workload.mjs').Workload[]} */
export const WORKLOADS = [W1, W2, W3, W4, W5, W6, W7, W8, W9, W12];
