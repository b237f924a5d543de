// The client that makes Friendly Public Transport Format of the answers: places, journeys, boards.
import { createClient } from '@motis-project/motis-fptf-client';
import { profile } from '@motis-project/motis-fptf-client/p/transitous/index.js';

const client = createClient(
  { ...profile, baseUrl: process.env.MOTIS_BASE_URL },
  'tests of a mobility backend',
  { enrichStations: false },
);
const when = new Date(process.env.MOTIS_TIME);
const [station] = await client.locations('Haupt', { results: 3 });
const [university] = await client.locations('Technische Hochschule', { results: 1 });
const { journeys, laterRef } = await client.journeys(station, university, {
  departure: when,
  results: 3,
  stopovers: true,
  polylines: true,
});
const arriving = await client.journeys(station, university, { arrival: when, transfers: 1 });
const { departures } = await client.departures(station.id, { when, duration: 30 });
const { arrivals } = await client.arrivals(university.id, { when, duration: 60 });
const stop = await client.stop(university.id);

console.log(
  JSON.stringify({
    station: station.name,
    journeys,
    laterRef,
    arriving: arriving.journeys.length,
    departures,
    arrivals,
    stop,
  }),
);
