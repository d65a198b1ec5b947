"""The words of the demo: themes of an invented film catalogue, each with its own vocabulary."""

# ruff: noqa: E501
# fmt: off

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Theme:
    """What films of one kind are about; no word of `name` or `family` reaches the data set.

    Attributes:
        name: Short name, for tests and analysis.
        family: Group of related themes.
        heroes: Who, with an article.
        deeds: What they do, third person.
        events: What happens, a clause after "when".
        goals: What they must do, an infinitive without "to".
        motifs: Nouns the film dwells on; the last word of a title may come from here.
    """

    name: str
    family: str
    heroes: tuple[str, ...]
    deeds: tuple[str, ...]
    events: tuple[str, ...]
    goals: tuple[str, ...]
    motifs: tuple[str, ...]


THEMES = (
    Theme(
        "lighthouse", "sea",
        ("a lighthouse keeper", "a young beacon tender", "a widowed lamp lighter", "a coast guard signalman"),
        ("keeps the great lamp burning on a storm-battered headland", "counts passing ships from the lantern room", "rows supplies to a tower that stands alone on the reef", "winds the fog bell through a winter of gales"),
        ("the beam goes dark in the worst gale of the year", "a wreck is driven onto the rocks below the tower", "the coast service decides to automate the light", "a castaway knocks at the tower door"),
        ("guide a blinded convoy past the reef", "relight the lens before the tide turns", "hold the headland alone until spring", "read the old logbooks of the tower"),
        ("Beacon", "Headland", "Fog Bell", "Lamp Room", "Reef", "Breakwater"),
    ),
    Theme(
        "deep_sea", "sea",
        ("a submersible pilot", "a marine biologist", "a salvage diver", "an oceanographer"),
        ("descends into a trench no sonar has mapped", "studies glowing creatures around a hydrothermal vent", "lives for a month in a pressurised seabed habitat", "maps the abyssal plain from a tiny bathyscaphe"),
        ("the hull begins to creak at nine thousand metres", "the tether to the mother ship snaps", "the sonar returns the outline of something alive", "the oxygen scrubber fails on the sea floor"),
        ("bring the submarine up before the air runs out", "film the giant squid in its own darkness", "raise a sunken research vessel", "explain the light that pulses in the trench"),
        ("Trench", "Abyss", "Sonar", "Bathysphere", "Fathoms", "Pressure"),
    ),
    Theme(
        "pirates", "sea",
        ("a disgraced privateer", "a buccaneer captain", "a smuggler's daughter", "a cabin boy with a stolen map"),
        ("hunts treasure galleons under a black flag", "runs contraband rum past the royal navy", "leads a mutiny on a leaking brig", "sails for an island where gold was buried"),
        ("a rival crew boards the ship at dawn", "the treasure map turns out to be half a map", "the governor puts a price on every corsair's head", "cannon fire wakes the hidden cove"),
        ("dig up the chest before the navy arrives", "win back the ship by the sword", "outrun a man-of-war through the shoals", "forge a truce among the buccaneers"),
        ("Cutlass", "Galleon", "Black Flag", "Doubloon", "Mutiny", "Cove"),
    ),
    Theme(
        "polar", "sea",
        ("an arctic surveyor", "a sled-dog driver", "the cook of an icebreaker", "a glaciologist"),
        ("winters with a crew locked in pack ice", "crosses the frozen ocean behind twelve huskies", "drills for the oldest snow on the polar cap", "follows a lost expedition over the glacier"),
        ("the floe splits under the camp", "the sun sets for four months", "frostbite fells the only navigator", "a blizzard buries the depot of food"),
        ("reach the pole before the thaw", "free the icebreaker with axes and steam", "keep the huskies alive through the long night", "carry the sick across the crevasses"),
        ("Glacier", "Ice Floe", "Huskies", "Whiteout", "Polar Night", "Crevasse"),
    ),
    Theme(
        "generation_ship", "space",
        ("a ninth-generation crew member", "the archivist of a starship", "a navigator born in transit", "a captain elected by lot"),
        ("has never seen any world but the inside of an ark between the stars", "tends the cryogenic sleepers of an interstellar voyage", "learns the forgotten purpose of the colony ship", "keeps the starship's calendar for a landing centuries away"),
        ("the drive falls silent between two suns", "one of the sleepers wakes a hundred years too early", "the decks vote to turn the ship around", "a message from Earth arrives generations late"),
        ("choose who will walk on the new planet", "restart the ark's fusion core", "unite the rival decks before planetfall", "tell the passengers the truth about their destination"),
        ("Starship", "Planetfall", "Ark", "Sleepers", "Light Years", "Voyage"),
    ),
    Theme(
        "asteroid", "space",
        ("an asteroid miner", "a tug pilot of the belt", "a claims inspector in zero gravity", "a drill mechanic"),
        ("breaks platinum out of a tumbling rock beyond Mars", "hauls ore barges through the belt", "signs on with a union of orbital miners", "prospects for ice on a nameless planetoid"),
        ("a drill strikes metal that was worked before", "the company cuts the air ration of the shift", "a runaway ore barge falls toward a habitat", "claim jumpers cut the mooring cables"),
        ("lead the first strike in zero gravity", "stop the rock before it hits the station", "prove a claim that would break the cartel", "get the crew home on half a tank of propellant"),
        ("Ore", "Belt", "Drill", "Orbit", "Airlock", "Motherlode"),
    ),
    Theme(
        "first_contact", "space",
        ("a linguist", "a radio astronomer", "a translator of dead languages", "a retired cryptic-crossword setter"),
        ("decodes a signal that repeats from another galaxy", "learns the grammar of visitors who speak in colours", "listens at a desert array of radio dishes", "teaches an alien envoy to tell a lie"),
        ("the signal answers back", "a silent craft hovers over the observatory", "governments quarrel over a single alien verb", "the visitors leave without a word"),
        ("translate the message before the armies move", "find one sentence both species understand", "persuade the world to reply", "learn what the aliens came to ask"),
        ("Signal", "Visitors", "Frequency", "Envoy", "Alien Tongue", "Antenna"),
    ),
    Theme(
        "mars_garden", "space",
        ("a greenhouse botanist on Mars", "a colonist child", "a soil chemist", "the last farmer of a red valley"),
        ("grows the first potatoes under a pressurised dome", "breeds moss that can survive the red dust", "raises bees in a Martian greenhouse", "waters an orchard with melted permafrost"),
        ("a dust storm darkens the domes for months", "a blight reaches the colony's wheat", "Earth stops sending seeds", "rain falls for the first time on the red planet"),
        ("save the seed vault of the settlement", "plant a forest outside the dome", "feed four hundred colonists on one harvest", "make the rusty soil bloom"),
        ("Greenhouse", "Red Dust", "Seedlings", "Dome", "Permafrost", "Colony"),
    ),
    Theme(
        "bakery", "table",
        ("a village baker", "an apprentice pastry cook", "a retired miller", "a night-shift bread maker"),
        ("kneads sourdough before the town wakes", "inherits an oven and a hundred-year-old starter", "learns to laminate croissants from a stern aunt", "delivers warm loaves by bicycle"),
        ("a supermarket opens across from the bakery", "the old starter dies in the heat", "flour runs short before the feast", "the wedding cake collapses at noon"),
        ("win the regional bread contest", "bake for the whole valley in one night", "rebuild the wood-fired oven", "recover the recipe of the lost brioche"),
        ("Sourdough", "Oven", "Brioche", "Flour", "Crumbs", "Loaf"),
    ),
    Theme(
        "restaurant", "table",
        ("a sous-chef", "a feared restaurant critic", "a noodle-cart owner", "a chef who lost her sense of taste"),
        ("fights for a star in a furious kitchen", "reopens a family trattoria on borrowed money", "cooks a twelve-course menu from leftovers", "hides a review that could close a bistro"),
        ("the head chef walks out in the middle of service", "an anonymous critic books the corner table", "two rival kitchens share one market stall", "the health inspector arrives on opening night"),
        ("get ninety plates through the pass", "reinvent the signature dish", "win the critic over with a bowl of soup", "keep the brigade together until the last order"),
        ("Menu", "Kitchen", "Saucepan", "Supper", "Table for Two", "Tasting"),
    ),
    Theme(
        "vineyard", "table",
        ("a winegrower", "a cellar master", "a cork cutter's son", "a sommelier who returns home"),
        ("prunes old vines on a chalk hillside", "blends a vintage nobody believes in", "walks the rows at night against the frost", "finds a forgotten barrel in the family cellar"),
        ("hail strips the grapes a week before harvest", "two sisters inherit one vineyard", "a merchant sells counterfeit bottles of the estate", "the cellar floods in the year of the great vintage"),
        ("bring in the harvest before the rain", "save the estate from auction", "make one honest wine", "settle the feud between two cellars"),
        ("Vintage", "Vines", "Cellar", "Harvest", "Cork", "Grapes"),
    ),
    Theme(
        "bees", "table",
        ("a beekeeper", "a honey merchant", "an entomologist on leave", "a girl who is not afraid of stings"),
        ("tends forty hives on a heather moor", "follows a swarm across the county", "bottles wild honey in an abandoned monastery", "carries her hives from blossom to blossom"),
        ("the colonies begin to vanish", "a queen is stolen in the night", "pesticide drifts over the clover meadows", "a swarm settles in the town hall"),
        ("find where the bees have gone", "raise a new queen before winter", "stop the spraying of the orchards", "keep the last hive of the valley"),
        ("Honeycomb", "Hive", "Swarm", "Clover", "Queen Bee", "Nectar"),
    ),
    Theme(
        "art_heist", "crime",
        ("a forger of old masters", "a museum guard", "a safe-cracker", "a restorer of paintings"),
        ("paints a perfect copy of a missing portrait", "plans the theft of a canvas from a guarded gallery", "recognises a fake on the auction block", "recruits a crew to rob a private museum"),
        ("the stolen painting turns out to be stolen already", "the alarm system is changed a day before the job", "an insurance investigator befriends the forger", "the vault opens on an empty frame"),
        ("swap the canvas during the gala", "steal the portrait back", "fool three experts with one brushstroke", "get the crew out before the guards change"),
        ("Forgery", "Masterpiece", "Vault", "Gallery", "Canvas", "Alibi"),
    ),
    Theme(
        "village_murder", "crime",
        ("a village constable", "a retired detective", "a librarian with a taste for poison cases", "a sharp-eyed vicar"),
        ("investigates a murder at the harvest fair", "interviews every guest of a country house", "finds a body behind the rose garden", "follows muddy footprints to the manor"),
        ("the second victim is the chief suspect", "an anonymous letter names the killer", "the will is read and every heir has a motive", "the doctor's poison cabinet is found open"),
        ("unmask the murderer before the funeral", "break a perfect alibi", "learn who switched the teacups", "prove that the accident was murder"),
        ("Inquest", "Manor", "Poison", "Suspect", "Last Will", "Footprints"),
    ),
    Theme(
        "courtroom", "crime",
        ("a public defender", "a juror who will not be hurried", "a young prosecutor", "a court stenographer"),
        ("defends a client whom the whole town has convicted", "cross-examines the star witness", "reopens a verdict after twenty years", "faces her old teacher before the bench"),
        ("a key witness changes her testimony", "the jury is split eleven to one", "evidence disappears from the courthouse", "the judge is found to have an interest in the case"),
        ("win an acquittal with a single question", "sway the jury before nightfall", "bring a corporation to trial", "free an innocent man on appeal"),
        ("Verdict", "Jury", "Testimony", "Objection", "Witness", "Appeal"),
    ),
    Theme(
        "con_artists", "crime",
        ("a card sharp", "a charming swindler", "a pickpocket from the night trains", "a fake countess"),
        ("sells the same bridge to three millionaires", "teaches a pupil the long con", "deals marked cards in a riverboat casino", "poses as a banker to fleece a banker"),
        ("the mark proves to be a swindler too", "the roulette wheel stops where it should not", "an old partner comes to collect", "the bluff is called at the high-stakes table"),
        ("pull off the last sting", "win the fortune back at poker", "vanish before the cheque bounces", "cheat the casino that cheated them"),
        ("Bluff", "Long Con", "Marked Deck", "Roulette", "Sting", "Poker"),
    ),
    Theme(
        "jazz", "stage",
        ("a saxophonist", "a club pianist", "a trumpet player on parole", "a singer with a broken contract"),
        ("plays the late set in a smoky basement club", "improvises a solo that nobody recorded", "tours with a big band in a rattling bus", "chases the sound of an unknown blue note"),
        ("the drummer fails to come to the session", "the club is sold to a developer", "a lost recording of the quintet surfaces", "a bandleader steals the tune"),
        ("cut one record before the band breaks up", "save the club with an all-night jam", "learn to swing again after the accident", "finish the ballad the old pianist began"),
        ("Blue Note", "Saxophone", "Quintet", "Swing", "Late Set", "Trumpet"),
    ),
    Theme(
        "theatre", "stage",
        ("an understudy", "a prompter", "an actress past her fame", "a stage carpenter"),
        ("waits in the wings for one chance to play the lead", "stages a forbidden tragedy in a provincial playhouse", "mends the costumes of a bankrupt company", "rehearses a play whose author has vanished"),
        ("the leading man loses his voice on opening night", "the theatre ghost is seen in the royal box", "the playwright tears up the last act", "the curtain falls on an empty house"),
        ("open the play in three days", "write an ending between two acts", "win back the audience of the playhouse", "keep the company from closing"),
        ("Curtain Call", "Understudy", "Footlights", "Last Act", "Playhouse", "Applause"),
    ),
    Theme(
        "dance", "stage",
        ("a ballet dancer", "a street dancer", "a choreographer in a wheelchair", "a tango teacher"),
        ("trains for one pirouette until her shoes are bloody", "battles for a corner of the square with a hip-hop crew", "crosses the city to rehearse in a closed ballroom", "brings ballet to a boxing gym"),
        ("an injury strikes a week before the premiere", "two dancers compete for one role", "the crew loses its rehearsal floor", "the music stops in the middle of the final"),
        ("create a choreography for untrained feet", "win the dance battle of the city", "stand on pointe once more", "find a partner for the last tango"),
        ("Pirouette", "Ballroom", "Tango", "On Pointe", "Choreography", "Barre"),
    ),
    Theme(
        "circus", "stage",
        ("a trapeze artist", "an ageing clown", "a knife thrower's assistant", "a ringmaster without a ring"),
        ("joins a travelling circus under a patched big top", "walks the high wire without a net", "learns to juggle fire from the strongman", "leads a parade of acrobats through the rain"),
        ("the big top burns down between two towns", "the catcher misses a single hand", "the elephants are to be sold", "a rival circus pitches its tent next door"),
        ("teach the troupe one impossible act", "bring the acrobats through the winter", "make the saddest town laugh", "fly the triple somersault"),
        ("Trapeze", "Big Top", "High Wire", "Clown", "Ringmaster", "Somersault"),
    ),
    Theme(
        "mountains", "wild",
        ("a mountaineer", "a rescue climber", "a sherpa's daughter", "a cartographer of summits"),
        ("climbs an unclimbed north face", "guides strangers over a high pass", "returns to the summit where a rope was cut", "bivouacs for three nights on a ledge"),
        ("an avalanche sweeps away the fixed ropes", "altitude sickness strikes the lead climber", "the weather closes above the last camp", "an old ice axe is found on the ridge"),
        ("reach the summit without oxygen", "bring an injured climber down the wall", "cross the ridge before the storm", "decide whom the rope will hold"),
        ("Summit", "North Face", "Avalanche", "Rope", "Ridge", "Base Camp"),
    ),
    Theme(
        "wolves", "wild",
        ("a wolf tracker", "a forest ranger", "a shepherd", "a wildlife photographer"),
        ("follows a pack through the snowbound pine forest", "raises an orphaned wolf cub", "guards a flock where the wolves have returned", "spends a winter beside a den"),
        ("poachers set traps along the ridge", "the alpha is found shot", "the pack comes down to the farms", "a lone she-wolf crosses the motorway"),
        ("lead the pack back across the border", "win the shepherds' peace with the wolves", "free the cub from a steel trap", "learn why the howling stopped"),
        ("Howl", "Wolf Pack", "Pine Forest", "Den", "Fangs", "Paw Prints"),
    ),
    Theme(
        "desert", "wild",
        ("a caravan guide", "a salt trader", "a well digger", "a nomad poet"),
        ("leads camels across a sea of dunes", "searches for an oasis that only songs remember", "trades salt for stories at the edge of the sands", "digs for water under a ruined caravanserai"),
        ("a sandstorm scatters the caravan", "the last well is dry", "the camels refuse the old road", "a mirage turns out to be a city"),
        ("cross the dunes before the water skins are empty", "find the oasis again", "bring the salt to market through the sandstorm", "outride the raiders of the wadi"),
        ("Dunes", "Oasis", "Caravan", "Mirage", "Camels", "Sandstorm"),
    ),
    Theme(
        "horses", "wild",
        ("a horse breaker", "a stable girl", "a jockey on her last season", "a rancher's stubborn son"),
        ("gentles a mustang nobody could ride", "drives a herd over the open prairie", "trains a lame foal for the derby", "sleeps in the stable beside a sick mare"),
        ("the ranch is sold with all its horses", "the stallion breaks out before the race", "a wildfire runs toward the corral", "the favourite goes lame at the gate"),
        ("win the derby on an outsider", "bring the herd home before the snow", "earn the trust of a wild stallion", "save the ranch at the autumn rodeo"),
        ("Stallion", "Mustang", "Saddle", "Derby", "Prairie", "Bridle"),
    ),
)
"""Twenty-four themes in six families."""

TITLE_WORDS = (
    "Amber", "Ashen", "Broken", "Brief", "Crooked", "Distant", "Early", "Eleventh", "Empty", "Endless", "Faithful",
    "Fallen", "First", "Forgotten", "Gentle", "Golden", "Hidden", "Hollow", "Honest", "Hundredth", "Last", "Little",
    "Lonely", "Lost", "Narrow", "Nameless", "Other", "Pale", "Patient", "Perfect", "Quiet", "Restless", "Scarlet",
    "Second", "Secret", "Seventh", "Silent", "Silver", "Sleepless", "Stolen", "Sudden", "Tender", "Unfinished", "Wandering",
)
"""Adjectives of titles: any theme may carry any of them."""

TITLE_NOUNS = ("Door", "Hour", "House", "Letter", "Morning", "Name", "Promise", "Question", "Road", "Silence", "Stranger", "Sunday", "Window", "Year")
"""Nouns of titles that any theme may carry."""

FIRST_NAMES = (
    "Adeline", "Ansel", "Basil", "Calla", "Cormac", "Delphine", "Edda", "Emeric", "Fenna", "Gideon", "Hester", "Ilse",
    "Jorun", "Kasimir", "Leonie", "Lucan", "Maren", "Matthis", "Nadia", "Oskar", "Petra", "Quentin", "Rosalind", "Silas",
    "Tamsin", "Ulla", "Viggo", "Wilhelmina", "Yara", "Zeno",
)
"""First names of people, and of characters in titles."""

SURNAMES = (
    "Abernethy", "Brackenridge", "Calloway", "Dunmore", "Eastergaard", "Fairweather", "Gallimore", "Hartigan", "Isherwood",
    "Jessamine", "Kilbride", "Lindqvist", "Marchetti", "Nightingale", "Okonjo", "Pemberley", "Quillfeather", "Ravenscroft",
    "Santoro", "Thistlewood", "Underhill", "Valcourt", "Whitlock", "Yarrow", "Zeller",
)
"""Surnames of people and of directors."""

GENRES = ("Drama", "Comedy", "Adventure", "Thriller", "Romance", "Mystery", "Family", "Fantasy")
"""Labels that say little about the theme."""
REGIONS = ("Northmark", "Eastvale", "Southmere", "Westholm", "the Lake Cantons", "the Free Harbours")
AGE_GROUPS = ("under 18", "18-24", "25-34", "35-49", "50-64", "65 or over")

OPENINGS = (
    "{Hero} {deed}.",
    "In this film {hero} {deed}.",
    "{Hero} {deed}, for reasons of their own.",
    "The story follows {hero} who {deed}.",
)
TURNS = (
    "When {event}, there is one night to {goal}.",
    "Then {event}, and someone has to {goal}.",
    "But {event}; what remains is to {goal}.",
)
CLOSINGS = (
    "A slow and tender portrait.",
    "Told in one breathless rush.",
    "Funny, bitter and beautifully shot.",
    "With a last scene that is hard to forget.",
    "",
    "",
)
