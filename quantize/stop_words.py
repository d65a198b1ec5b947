"""Words that say nothing about what an entity means."""

from __future__ import annotations

from functools import cache

_TRADE = """
actor actors actress actresses april audience audiences august auteur auteurs author authors book
books career careers cast casting casts categories category character characters cinema cinematic
co-star co-starring co-stars december directed directing direction director directorial
directorial-debut directors edition english english-language ensemble enthusiast enthusiasts fan
fans february film filmmaker filmmakers filmmaking filmographies filmography films genre genres
item items january july june language languages lead leading leads march may movie movies
must-read must-see must-watch narrative narratives novel novels november october pages people
performer performers person picture pictures plot plots portfolio product products protagonist
protagonists publication published publisher reader readers reading release release-date released
releases repertoire role roles scene scenes screen screenplay screenwriter script september
sequence sequences series star starred starring stars stories story storyline storylines
storyteller storytelling sub-genre thematic thematically theme themes title titles user users
viewer viewers viewership viewing voices watch watcher watching writer writers written
"""
_VERDICTS = """
acclaimed amazing appeal appealing appeals authentic authenticity beloved brilliant captivate
captivates captivating charismatic charm charming classic classics compelling complex complexities
complexity critically deep deeply delightful depth distinct distinctive dynamic dynamics effective
effectively emotional emotionally engage engages engaging engrossing enjoyable enjoyment
entertaining entertainment evocative excellent exceptional exciting extraordinary fascinating
fresh gem good great gripping groundbreaking heartfelt iconic immersive impactful impressive
influential innovative insightful intricate intriguing layered legacy legendary lively masterful
masterfully masterpiece meaningful memorable mesmerizing moving notable notably noteworthy nuanced
outstanding perfect pivotal poignant popular powerful profound provocative recognized remarkable
renowned resonance resonant resonate resonates rich riveting seasoned seminal significant skilful
skillful solid sophisticated standout star-studded stellar striking strong stunning stylish
stylistic successful superb talent talented talents thought-provoking thrilling timeless touching
unforgettable unique versatile versatility vibrant vivid well-crafted well-known widely
"""
_TALK = """
ability able about above across add adding addition additional additionally adds adults age ages
aim aims aligns alike alongside also although amid among another answer answers appear appearance
appearances appeared appearing appears appreciate appreciated appreciates approach around array
ask asks aspect aspects attempt attributed available backdrop based bear bears become becomes been
began begin begins best better beyond big blend blended blending blends bond break breaks bring
bringing brings broad broader called capture captures capturing celebrated celebrates center
centers central challenge challenges character-driven characterized choice choices choose chooses
close closes collaboration combination combine combined combines combining come comedies comes
complement complemented complements connect connection consider consistent consistently contain
contains context continue continues contribute contributed contributes contributing contribution
craft crafted crafting create created creates creating creative credits day days decide decides
dedicated deliver delivered delivering delivers delve delves demonstrate demonstrated demonstrates
depict depicted depicting depiction depicts describe described despite detail detailed development
dimension diverse diversity does dramas drawing draws due each early edge element elements elevate
embark embarks encompass encounter encounters end enduring enhance enhanced enhances enhancing
enjoy enjoyed enjoys enrich enriched enriches enriching ensure ensures ensuring entry era
especially essence establish established event events evidence evidenced evident evoke exhibit
exhibits expect experience experienced experiences exploration explore explored explores exploring
express extensive face faced faces fact feature featured features featuring figures find finds
focus focused focuses focusing follow following follows forge form found frequent frequently
further fuse general given gives giving has hence hide hides high highlight highlighting
highlights hints history hold holds hour hours however imbue impact impress improvise inclination
include included includes including increasingly indicate indicates indicating individual
individuals influence influenced infuse inside insight intense intensity interest interested
interesting interplay intertwine intriguingly introduce introduces involve involved involvement
involves journey keep keeps key kind known large late later latest layer learn learns leave leaves
led lend lending lends lies life like likely likes link lives look looking looks lose loses made
main mainly make makes making man mark marked markedly marks mastery meets member members men mix
mixed mixes moment moments month months multiple named names navigate navigates navigating
necessary new number numerous offer offered offering offerings offers often only original others
outside overall paired pairing part particular particularly past perform performance performances
performed perspective persuade piece place placement places play played playing plays portray
portrayal portrayals portrayed portraying portrays possess potential presence present presented
presents previous previously primarily process produce produced prominent prominently prove proves
provide provided provides providing prowess quality range ranges ranging recall recommendation
recommendations recommended reflect reflected reflecting reflects related relevance remain remains
reminiscent reply represent represents respective respectively result resulting return returns
reveal revealing revolves same save saves seat seats seek seeking seeks seen sense serve serves
set sets setting several share shared shares sharing show showcase showcased showcases showcasing
shown shows signature significance similar similarities similarity similarly skill skills sold
solidify span spanning spans specific spirit stage stand stands start starts stop stops strength
strikes struggle struggles studies study style styles subsequent success such suggest suggested
suggesting suggests support supporting sure surround tackle take takes taking tale tales tapestry
teach teaches tell tells tend tends testament thing things think thought thoughtful time titled
titular together told tone tones touch touches trademark tradition traditional trains treat true
turn turned turns type typical ultimately underscore underscores understand understanding
undertone unfold unfolds valuable various vein version view views visual visually visuals wakes
walk walks way ways weave weaves weaving week weeks while wide win woman women work worked working
works world worth year years yet young
"""
_USERS = """
affinity age anchor anchored appreciates appreciating appreciation balance balanced balances
balancing blockbuster blockbusters broad-ranging collection collections consistent core decade
decades demonstrates drawn eclectic excel exhibiting favor favored favoring favorite favorites
favors favour favoured favouring favourite favourites favours female fond fondness frequent gender
gravitate gravitates history hits library list lists love loves loving mainstream male occasional
occasionally occupation overwhelmingly palate predominantly prefer preference preferences
preferred prefers profile pure recently recurring region repeated selection selections suggesting
taste tastes tendency value values valuing watched watches watching
"""


_FUNCTION = """
a about above across after afterwards again against all almost alone along already also although
always am among amongst amoungst amount an and another any anyhow anyone anything anyway anywhere
are around as at back be became because become becomes becoming been before beforehand behind
being below beside besides between beyond bill both bottom but by call can cannot cant co con
could couldnt cry de describe detail do done down due during each eg eight either eleven else
elsewhere empty enough etc even ever every everyone everything everywhere except few fifteen fifty
fill find fire first five for former formerly forty found four from front full further get give go
had has hasnt have he hence her here hereafter hereby herein hereupon hers herself him himself his
how however hundred i ie if in inc indeed interest into is it its itself keep last latter latterly
least less ltd made many may me meanwhile might mill mine more moreover most mostly move much must
my myself name namely neither never nevertheless next nine no nobody none noone nor not nothing
now nowhere of off often on once one only onto or other others otherwise our ours ourselves out
over own part per perhaps please put rather re same see seem seemed seeming seems serious several
she should show side since sincere six sixty so some somehow someone something sometime sometimes
somewhere still such system take ten than that the their them themselves then thence there
thereafter thereby therefore therein thereupon these they thick thin third this those though three
through throughout thru thus to together too top toward towards twelve twenty two un under until
up upon us very via was we well were what whatever when whence whenever where whereafter whereas
whereby wherein whereupon wherever whether which while whither who whoever whole whom whose why
will with within without would yet you your yours yourself yourselves
"""
"""Those of scikit-learn, whose import would take a second at the first look at a reason."""
_FORENAMES = frozenset(("april", "august", "bill", "june", "may", "will"))


@cache
def stop_words() -> frozenset[str]:
    """English function words, the trade's own words, verdicts, and talk that fits anything."""
    return function_words().union(" ".join((_VERDICTS, _TALK, _USERS)).split())


@cache
def function_words() -> frozenset[str]:
    """English function words and the trade's own words, such as "the", "director", "with"."""
    return frozenset(_FUNCTION.split()).union(_TRADE.split())


def leads_a_name(word: str) -> bool:
    """Whether a capitalised word belongs to the name that it stands before.

    >>> leads_a_name("Will"), leads_a_name("Mark"), leads_a_name("Director")
    (True, True, False)
    """
    return word.lower() in _FORENAMES or word.lower() not in function_words()
