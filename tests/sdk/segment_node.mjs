// Sends numbered events with Segment's SDK for Node: address, key, how many.
import { Analytics } from '@segment/analytics-node';

const [host, writeKey, count] = process.argv.slice(2);
const analytics = new Analytics({ writeKey, host, flushAt: 5, flushInterval: 100, maxRetries: 8 });
analytics.on('error', (error) => console.error('error', error));
for (let n = 0; n < Number(count); n += 1) {
  analytics.track({ anonymousId: 'anon_1', userId: 'user_1', event: 'Product Added', properties: { n: `nod${n}`, price: 20000 } });
}
await analytics.closeAndFlush({ timeout: 60000 });
console.log('sent');
