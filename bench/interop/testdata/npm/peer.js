'use strict';
// An SMPP peer made of the npm package smpp that a test plays: commands come as lines of JSON on stdin, what happens goes out
// as lines of JSON on stdout. It ends with its stdin.
//
//   node peer.js client PORT     connects to 127.0.0.1:PORT
//   node peer.js server          listens on a free port of 127.0.0.1, which it tells first: {"event":"listening","port":N}
//
// A command {"n":1,"do":"submit_sm","with":{...}} is sent as that PDU and its response comes as {"n":1,"pdu":{...}}. A request
// of the other side is answered and comes as {"event":"deliver_sm","pdu":{...}}. A buffer is {"hex":"..."} both ways.
const smpp = require('smpp');
const readline = require('readline');

function say(o) {
  process.stdout.write(JSON.stringify(plain(o)) + '\n');
}

// plain makes buffers readable.
function plain(v) {
  if (Buffer.isBuffer(v)) return {hex: v.toString('hex')};
  if (v instanceof Date || v === null || typeof v !== 'object') return v;
  if (Array.isArray(v)) return v.map(plain);
  const out = {};
  for (const k of Object.keys(v)) if (k !== 'command_length') out[k] = plain(v[k]);
  return out;
}

// real is the reverse of plain.
function real(v) {
  if (v === null || typeof v !== 'object') return v;
  if (typeof v.hex === 'string') return Buffer.from(v.hex, 'hex');
  if (Array.isArray(v)) return v.map(real);
  const out = {};
  for (const k of Object.keys(v)) out[k] = real(v[k]);
  return out;
}

// serve answers what the other side asks and tells of it.
function serve(session, answer) {
  session.on('pdu', (pdu) => {
    if (pdu.isResponse()) return;
    say({event: pdu.command, pdu});
    if (pdu.command === 'alert_notification') return; // has no response
    answer(pdu);
    if (pdu.command === 'unbind') session.close();
  });
  session.on('close', () => say({event: 'close'}));
  session.on('error', (e) => say({event: 'error', message: String(e)}));
}

let session; // what commands go to: of a server the latest

function client(port) {
  session = smpp.connect({host: '127.0.0.1', port});
  session.on('connect', () => say({event: 'connect'}));
  serve(session, (pdu) => session.send(pdu.response()));
}

// operator accepts all, and sends a receipt for each submit_sm that asks for one: by turns as a text, as TLVs, and in a data_sm.
function operator() {
  let submits = 0;
  const server = smpp.createServer((s) => {
    session = s;
    say({event: 'session'});
    serve(s, (pdu) => {
      if (pdu.command.startsWith('bind_')) {
        s.send(pdu.response({system_id: 'npm', sc_interface_version: pdu.interface_version}));
        return;
      }
      if (pdu.command !== 'submit_sm') {
        s.send(pdu.response());
        return;
      }
      const n = ++submits;
      const id = 'npm-' + n;
      s.send(pdu.response({message_id: id}));
      if (pdu.registered_delivery & 1) receipt(s, pdu, id, n);
    });
  });
  server.listen(0, '127.0.0.1', () => say({event: 'listening', port: server.address().port}));
}

function receipt(s, pdu, id, n) {
  const common = {
    source_addr_ton: pdu.dest_addr_ton, source_addr_npi: pdu.dest_addr_npi, source_addr: pdu.destination_addr,
    dest_addr_ton: pdu.source_addr_ton, dest_addr_npi: pdu.source_addr_npi, destination_addr: pdu.source_addr,
    esm_class: 4,
  };
  const text = `id:${id} sub:001 dlvrd:001 submit date:2611210500 done date:2611210500 stat:DELIVRD err:000 text:`;
  const told = (resp) => say({event: resp.command, pdu: resp});
  if (n % 3 === 1) s.deliver_sm({...common, short_message: text}, told);
  else if (n % 3 === 2) s.deliver_sm({...common, short_message: Buffer.alloc(0), receipted_message_id: id, message_state: 2}, told);
  else s.data_sm({...common, receipted_message_id: id, message_state: 2}, told);
}

readline.createInterface({input: process.stdin}).on('line', (line) => {
  const c = JSON.parse(line);
  const sent = session[c.do](real(c.with || {}), (pdu) => say({n: c.n, pdu}));
  if (!sent) say({n: c.n, error: 'the connection is closed'});
}).on('close', () => process.exit(0));

if (process.argv[2] === 'server') operator();
else client(Number(process.argv[3]));
