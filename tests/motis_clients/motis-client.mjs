// The generated client against a server: every question of its API that is answered here.
// Prints one JSON document; any error of the server ends it with a stack trace.
import * as motis from '@motis-project/motis-client';

const baseUrl = process.env.MOTIS_BASE_URL;
const ask = async (question, query, more = {}) => {
  const { data } = await question({ baseUrl, throwOnError: true, query, ...more });
  return data;
};

const from = { fromPlace: '53.865892,10.670654', toPlace: '53.837723,10.700286' };
const time = process.env.MOTIS_TIME;
const found = await ask(motis.plan, {
  ...from,
  time,
  directModes: ['WALK', 'BIKE', 'RENTAL'],
  preTransitModes: ['WALK', 'RENTAL'],
  maxDirectTime: 5400,
  withFares: true,
  numLegAlternatives: 1,
});
const later = await ask(motis.plan, { ...from, time, pageCursor: found.nextPageCursor });
const plain = await ask(motis.plan, { ...from, time });
const posted = await ask(motis.planPost, { ...from, time }, { body: {} });
const bus = found.itineraries[0].legs.find((leg) => leg.tripId);
const again = await ask(motis.refreshItinerary, { itineraryId: found.itineraries[0].id });
const matches = await ask(motis.geocode, { text: 'Haupt' });
const near = await ask(motis.reverseGeocode, { place: '53.865892,10.670654' });
const board = await ask(motis.stoptimes, { stopId: bus.from.stopId, n: 5, time });
const trip = await ask(motis.trip, { tripId: bus.tripId });
const box = { min: '53.86,10.66', max: '53.87,10.68' };
const stops = await ask(motis.stops, box);
const rentals = await ask(motis.rentals, box);
const { error } = await motis.plan({ baseUrl, query: { ...from, time: 'tomorrow' } });

console.log(
  JSON.stringify({
    plan: found,
    later: later.itineraries.map((itinerary) => itinerary.id),
    posted: posted.itineraries.length === plain.itineraries.length,
    again: again.startTime === found.itineraries[0].startTime,
    geocode: matches[0].name,
    reverse: near.length,
    board: board.stopTimes.length,
    trip: trip.legs.length,
    stops: stops.length,
    rentals: rentals.stations.length,
    error,
  }),
);
