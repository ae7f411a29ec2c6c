// Reads a file from a trustless gateway on loopback, as an application with Helia does, and writes it out.
//
//     node read.mjs URL CID > FILE

// Node 20 has none, and parts of Helia want it.
Promise.withResolvers ??= function () {
  let resolve, reject
  const promise = new Promise((...both) => { [resolve, reject] = both })
  return { promise, resolve, reject }
}

const { createVerifiedFetch } = await import('@helia/verified-fetch')

const [url, cid] = process.argv.slice(2)
const fetch = await createVerifiedFetch({ gateways: [url], routers: [], allowLocal: true, allowInsecure: true })
const answer = await fetch(`ipfs://${cid}`)
process.stdout.write(new Uint8Array(await answer.arrayBuffer()), () => process.exit(answer.ok ? 0 : 1))
