// A whole charging session by ocpp-rpc, a client that others wrote: node session.mjs URL PROTOCOL CHARGER_ID PASSWORD.
// Prints what was answered to each call, as one JSON document, and exits with 1 where a call failed.
import {RPCClient} from 'ocpp-rpc';

const [endpoint, protocol, identity, password] = process.argv.slice(2);
const now = () => new Date().toISOString();
const answers = [];
const client = new RPCClient({
    endpoint, identity, protocols: [protocol], strictMode: true, reconnect: false,
    ...(password ? {password} : {}),
});

async function ask(action, payload) {
    const answer = await client.call(action, payload);
    answers.push([action, answer]);
    return answer;
}

async function session16() {
    await ask('BootNotification', {chargePointVendor: 'Vendor', chargePointModel: 'Model'});
    await ask('Authorize', {idTag: 'TAG1'});
    await ask('StatusNotification', {connectorId: 1, errorCode: 'NoError', status: 'Preparing', timestamp: now()});
    const {transactionId} = await ask('StartTransaction',
        {connectorId: 1, idTag: 'TAG1', meterStart: 1000, timestamp: now()});
    await ask('MeterValues', {connectorId: 1, transactionId,
        meterValue: [{timestamp: now(), sampledValue: [{value: '2000'}]}]});
    await ask('StopTransaction', {transactionId, idTag: 'TAG1', meterStop: 6000, timestamp: now()});
    await ask('Heartbeat', {});
}

async function session2() {
    const transactionInfo = {transactionId: 'T-1'};
    await ask('BootNotification', {reason: 'PowerUp', chargingStation: {model: 'Model', vendorName: 'Vendor'}});
    await ask('StatusNotification',
        {evseId: 1, connectorId: 1, connectorStatus: 'Occupied', timestamp: now()});
    await ask('TransactionEvent', {eventType: 'Started', triggerReason: 'CablePluggedIn', seqNo: 0, timestamp: now(),
        evse: {id: 1, connectorId: 1}, transactionInfo});
    await ask('TransactionEvent', {eventType: 'Ended', triggerReason: 'EVDeparted', seqNo: 1, timestamp: now(),
        transactionInfo: {...transactionInfo, stoppedReason: 'EVDisconnected'}});
    await ask('Heartbeat', {});
}

try {
    await client.connect();
    await (protocol === 'ocpp1.6' ? session16() : session2());
    await client.close();
} catch (error) {
    answers.push(['failed', String(error)]);
    process.exitCode = 1;
}
console.log(JSON.stringify(answers));
process.exit();
