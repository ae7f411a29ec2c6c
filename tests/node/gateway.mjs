// A Helia that serves files and CARs as a trustless gateway on a free port of loopback, and asks nobody.
//
//     node gateway.mjs FILE...
//
// The blocks of a `.car` are taken as they are; of another file Helia makes a DAG of its own. Then one line
// of JSON says where the gateway is, and the roots, in order. It ends when its standard input does.
// Helia reads `Accept`, and not `?format=`.

import fs from 'node:fs'
import http from 'node:http'
import { Readable } from 'node:stream'
import { car } from '@helia/car'
import { createHeliaHTTP } from '@helia/http'
import { unixfs } from '@helia/unixfs'
import { createVerifiedFetch } from '@helia/verified-fetch'
import { CarReader } from '@ipld/car'

// Node 20 has none, and parts of Helia want it.
Promise.withResolvers ??= function () {
  let resolve, reject
  const promise = new Promise((...both) => { [resolve, reject] = both })
  return { promise, resolve, reject }
}

// One that has nothing: with none at all, Helia would not say that a block is missing.
const nobody = () => ({
  name: 'nobody',
  retrieve: async () => { throw new Error('not here') },
  createSession: nobody
})

const helia = await createHeliaHTTP({ blockBrokers: [nobody], routers: [] })
const fetch = await createVerifiedFetch(helia)

async function take (path) {
  const bytes = fs.createReadStream(path)
  if (!path.endsWith('.car')) return [await unixfs(helia).addByteStream(bytes)]
  const reader = await CarReader.fromIterable(bytes)
  await car(helia).import(reader)
  return reader.getRoots()
}

async function answer (request, response) {
  const [, cid] = new URL(request.url, 'http://localhost').pathname.match(/^\/ipfs\/(.+)$/) ?? []
  if (cid === undefined) return response.writeHead(404).end()
  const headers = request.headers.accept ? { accept: request.headers.accept } : {}
  const found = await fetch(`ipfs://${cid}`, { headers, session: false })
  response.writeHead(found.status, Object.fromEntries(found.headers))
  if (found.body === null) return response.end()
  Readable.fromWeb(found.body).on('error', () => response.destroy()).pipe(response)
}

const roots = []
for (const path of process.argv.slice(2)) roots.push(...await take(path))
const server = http.createServer((request, response) => {
  answer(request, response).catch(error => response.writeHead(504).end(String(error)))
})
server.listen(0, '127.0.0.1', () => {
  console.log(JSON.stringify({ url: `http://127.0.0.1:${server.address().port}`, roots: roots.map(String) }))
})
process.stdin.resume().on('end', () => process.exit(0))
